"""The key that crash reporting libraries send, wherever they put it."""

import re

from flask import request

_IN_HEADER = re.compile(r"\bsentry_key=([^,\s]+)")


def sender_key() -> str | None:
    """The key of `X-Sentry-Auth`, `Authorization: Sentry …` or `Basic`, or of the query's `sentry_key`; None without one."""
    for name in ("X-Sentry-Auth", "Authorization"):
        found = _IN_HEADER.search(request.headers.get(name, ""))
        if found:
            return found[1]
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        return basic.password or basic.username
    return request.args.get("sentry_key")
