"""The path before all of ours, where a proxy serves us below one: `/crashes` of `https://example.com/crashes`."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit


def prefix_of(public_url: str | None) -> str:
    """The path of a public URL without a slash at its end; empty where it has none."""
    return unquote(urlsplit(public_url or "").path).rstrip("/")


class BelowPrefix:
    """Tells the application the prefix that a proxy has taken off the path, unless the proxy did so (`X-Forwarded-Prefix`)."""

    def __init__(self, application: Any, prefix: str) -> None:
        self._application = application
        self._prefix = prefix

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME") or self._prefix
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer
