"""A program that reports sessions of three users, each by itself and, of requests, as sums: one crashes in either way."""

import os

import sentry_sdk
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
from sentry_sdk.sessions import track_session

sentry_sdk.init(os.environ["DSN"], release="notes@2.4.0+51", environment="production", auto_session_tracking=True)


def site(environ, start_response):
    if environ["PATH_INFO"] == "/lost":
        raise KeyError("no such note")
    start_response("200 OK", [])
    return [b"a note"]


def get(path):
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "SERVER_NAME": "notes.example.com", "SERVER_PORT": "80",
               "wsgi.url_scheme": "http"}  # fmt: skip
    return b"".join(SentryWsgiMiddleware(site)(environ, lambda *_: None))


for user in ("ada", "bob", "ada"):
    with sentry_sdk.isolation_scope() as scope:
        scope.set_user({"id": user})
        with track_session(scope, session_mode="application"):
            if user == "bob":
                unhandled = {"type": "KeyError", "mechanism": {"type": "main", "handled": False}}
                event = {"level": "fatal", "exception": {"values": [unhandled]}}
                sentry_sdk.capture_event(event)
for path in ("/one", "/two", "/lost"):
    try:
        get(path)
    except KeyError:
        print("lost")
sentry_sdk.flush(30)
