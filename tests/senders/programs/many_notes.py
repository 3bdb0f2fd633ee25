"""A program that reports three errors, one after the other, and tells whether its SDK still sends."""

import os

import sentry_sdk

sentry_sdk.init(os.environ["DSN"])
for number in range(3):
    sentry_sdk.capture_message(f"a note was lost, {number}", level="fatal")
    sentry_sdk.flush(30)
    print(sentry_sdk.get_client().transport.is_healthy())
