"""A program that knows an address and a key, tells of a session, and has a bug."""

import os

import bugsnag


def open_notebook(pages):
    return pages[7]


bugsnag.configure(
    api_key=os.environ["KEY"],
    endpoint=os.environ["ADDRESS"] + "/bugsnag",
    session_endpoint=os.environ["ADDRESS"] + "/bugsnag/sessions",
    app_version="1.2",
    asynchronous=False,
)
bugsnag.start_session()
open_notebook([])
