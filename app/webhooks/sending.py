"""Sends one request to one checked address: bounded in time and size, redirects not followed, nothing of the answer kept."""

import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from app.webhooks.target import Resolve, Target, addresses_of, look_up, read_url

CONNECT_LIMIT = 3.0  # seconds for one address
READ_LIMIT = 5.0  # seconds of silence
WHOLE_LIMIT = 10.0  # seconds from the first connection to the last byte: a receiver that drips is cut off
MAX_ANSWER = 64 * 1024  # bytes read of an answer, to let the receiver finish; they are dropped


class NotDelivered(Exception):
    """The receiver could not be reached, or did not answer in time. The text is for the log of deliveries."""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    allowed: Iterable[str],
    resolve: Resolve = look_up,
) -> int:
    """POST the body and return the HTTP status. Raises NotDelivered, or Refused when the target may not be reached."""
    target = read_url(url)
    deadline = time.monotonic() + WHOLE_LIMIT
    problem = "The receiver cannot be reached"
    for address in addresses_of(target, allowed, resolve):
        connection = _connection(target, address)
        try:
            connection.connect()
        except (
            OSError,
            ValueError,
            urllib3.exceptions.HTTPError,
        ) as error:  # ValueError: a certificate of another host
            connection.close()
            problem = f"The receiver cannot be reached: {_reason(error)}"
            if time.monotonic() > deadline - CONNECT_LIMIT:
                break
        else:
            return _exchange(connection, target, body, headers, deadline)
    raise NotDelivered(problem)


def _connection(target: Target, address: str) -> HTTPConnection:
    """A connection to the address; certificate and SNI are of the host."""
    if target.scheme == "http":
        return HTTPConnection(address, target.port, timeout=CONNECT_LIMIT)
    host = target.host.rstrip(".")
    return HTTPSConnection(address, target.port, timeout=CONNECT_LIMIT, ssl_context=_tls(), server_hostname=host)


def _exchange(
    connection: HTTPConnection, target: Target, body: bytes, headers: Mapping[str, str], deadline: float
) -> int:
    cut_off = threading.Timer(max(deadline - time.monotonic(), 0.1), _cut, (connection,))
    cut_off.daemon = True
    cut_off.start()
    try:
        if connection.sock is not None:
            connection.sock.settimeout(READ_LIMIT)
        connection.timeout = READ_LIMIT
        own = {"Host": target.host_header, "Connection": "close", "Accept-Encoding": "identity"}
        connection.request("POST", target.path, body, {**headers, **own}, preload_content=False)
        answer = connection.getresponse()
        if time.monotonic() >= deadline:  # where it was cut off looks like the end of its headers
            raise TimeoutError
        with suppress(OSError, urllib3.exceptions.HTTPError):  # its status is all that counts
            answer.read(MAX_ANSWER, decode_content=False)
        return int(answer.status)
    except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
        if time.monotonic() >= deadline:
            raise NotDelivered(f"The receiver did not answer within {WHOLE_LIMIT:.0f} seconds") from None
        raise NotDelivered(f"The receiver did not answer: {_reason(error)}") from None
    except Exception as error:  # http.client's own, which have no base class but this
        raise NotDelivered(f"The receiver did not answer in HTTP: {_reason(error)}") from None
    finally:
        cut_off.cancel()
        connection.close()


def _cut(connection: HTTPConnection) -> None:
    """End what is being read or written now, in any thread."""
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(2)


def _reason(error: Exception) -> str:
    return type(error).__name__


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
