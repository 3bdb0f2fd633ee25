"""A program that knows a DSN and has a bug."""

import os

import sentry_sdk


def open_notebook(pages):
    return pages[7]


sentry_sdk.init(os.environ["DSN"])
open_notebook([])
