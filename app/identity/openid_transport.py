"""HTTP to an OpenID provider, bounded in time and size: one that drips or never ends holds nobody for long.

Imported when somebody signs in: requests is of an extra.
"""

import threading
from contextlib import suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

WITHIN = (3.0, 5.0)  # seconds to connect, and between two bytes
WHOLE_LIMIT = 10.0  # seconds that a connection may last, with all that is read from it
MAX_ANSWER = 1024 * 1024  # bytes, unpacked


class _CutOff:
    """A connection that is cut off after a while, whatever is being read."""

    sock: Any
    _cut_off: threading.Timer | None = None

    def connect(self) -> None:
        """Connect, and begin to count."""
        super().connect()  # type: ignore[misc]
        self._cut_off = threading.Timer(WHOLE_LIMIT, self._cut)
        self._cut_off.daemon = True
        self._cut_off.start()

    def close(self) -> None:
        """Close, and count no more."""
        if self._cut_off is not None:
            self._cut_off.cancel()
        super().close()  # type: ignore[misc]

    def _cut(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(2)


class _CutOffHttp(_CutOff, HTTPConnection):
    pass


class _CutOffHttps(_CutOff, HTTPSConnection):
    pass


class _CutOffHttpPool(HTTPConnectionPool):
    ConnectionCls = _CutOffHttp


class _CutOffHttpsPool(HTTPSConnectionPool):
    ConnectionCls = _CutOffHttps


class BoundedAdapter(HTTPAdapter):
    """For a session of requests. Redirects are answers like others: no endpoint of a provider is elsewhere."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make connections that are cut off."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _CutOffHttpPool, "https": _CutOffHttpsPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """The whole answer. Raises RequestException when it takes too long or is too long."""
        response = super().send(request, *args, **{**kwargs, "stream": True, "timeout": WITHIN})
        try:
            content = response.raw.read(MAX_ANSWER + 1, decode_content=True)
        except (HTTPError, OSError) as error:
            raise requests.ConnectionError(type(error).__name__) from error
        finally:
            response.raw.close()
        if len(content) > MAX_ANSWER:
            raise requests.RequestException("the answer is too long")
        response._content, response._content_consumed = content, True
        return response
