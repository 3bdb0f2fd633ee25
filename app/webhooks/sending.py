"""Sends one request to one checked address: public or allowed by the operator, bounded in time and size."""

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from queue import Empty, SimpleQueue
from typing import NamedTuple
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from app.errors import BadParameters

MAX_URL = 2_048  # characters
LOOKUP_LIMIT = 5.0  # seconds; the system's own resolver may take far longer
PORTS = {"http": 80, "https": 443}
PRINTABLE = re.compile(r"[!-~]+")
HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
NOT_REACHED = tuple(
    map(ipaddress.ip_network, ("192.88.99.0/24", "3fff::/20", "5f00::/16", "100:0:0:1::/64", "2001:20::/28"))
)
"""What IANA's registries of special-purpose addresses say newer than, or otherwise than, Python's own tables: relays of 6to4,
documentation (RFC 9637), segment routing (RFC 9602), dummies (RFC 9780) and ORCHIDv2."""
TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""NAT64: the last four bytes are an IPv4 address."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]
CONNECT_LIMIT = 3.0  # seconds for one address
READ_LIMIT = 5.0  # seconds of silence
WHOLE_LIMIT = 10.0  # seconds from the first connection to the last byte: a receiver that drips is cut off
LONGEST_WAIT = 3_600.0  # seconds that a receiver may ask to be left alone
SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
MAX_ANSWER = 64 * 1024  # bytes read of an answer, to let the receiver finish; they are dropped


class Refused(BadParameters):
    """A target that nothing is sent to."""

    code = "target_refused"


@dataclass(frozen=True)
class Target:
    """A URL in its parts."""

    scheme: str
    host: str  # without brackets
    port: int
    path: str  # with the query

    @property
    def host_header(self) -> str:
        """As the request names the host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read_url(url: str) -> Target:
    """Take a URL apart. Raises Refused when it is no plain http(s) URL."""
    try:
        if len(url) > MAX_URL or not PRINTABLE.fullmatch(url) or "\\" in url:
            raise ValueError
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        plain = parts.username is None and parts.password is None and not parts.fragment
        if parts.scheme not in PORTS or not HOST.fullmatch(host) or not plain or port == 0:
            raise ValueError
    except ValueError:
        raise Refused("url is not a plain http or https URL of printable ASCII, without user and fragment") from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host by the system's resolver, in its order. Raises OSError, after LOOKUP_LIMIT at the latest."""
    found: SimpleQueue[list[str] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            found.put(OSError(str(error)))
        else:
            found.put(list(dict.fromkeys(str(row[4][0]) for row in rows)))

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        result = found.get(timeout=LOOKUP_LIMIT)
    except Empty:
        raise TimeoutError("the name took too long to look up") from None
    if isinstance(result, OSError):
        raise result
    return result


def addresses_of(target: Target, allowed: Iterable[str], resolve: Resolve = look_up) -> list[str]:
    """The addresses to connect to. Raises Refused when any is one that nothing is sent to, or when there is none.

    The caller has to connect to these, and not to the name, which may mean another address by then.
    """
    allowed = tuple(allowed)
    try:
        found = resolve(target.host, target.port)
    except OSError:
        found = []
    if not found:
        raise Refused("The host of url cannot be found")
    if target.host.lower().rstrip(".") not in allowed:
        networks = [ipaddress.ip_network(name) for name in allowed if _is_network(name)]
        for address in found:
            if not _may_be_reached(ipaddress.ip_address(address.partition("%")[0]), networks):
                raise Refused("The host of url is not a public address; CRASHQ_WEBHOOKS_ALLOW can allow it")
    return found


def _is_network(name: str) -> bool:
    try:
        ipaddress.ip_network(name)
    except ValueError:
        return False
    return True


def _may_be_reached(address: Address, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """An IPv6 address that stands for an IPv4 one is judged by that; any other by itself."""
    return all(
        any(meant.version == network.version and meant in network for network in networks) or _is_public(meant)
        for meant in _inner(address) or [address]
    )


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
    if any(address.version == network.version and address in network for network in NOT_REACHED):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 one stands for."""
    if address.version == 4:
        return []
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    if any(address in network for network in TRANSLATED) or int(address) >> 32 == 0:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return []


class NotDelivered(Exception):
    """The receiver could not be reached, or did not answer in time. The text is for the log of deliveries."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status  # SMTP


class Reply(NamedTuple):
    """What a receiver answered."""

    status: int  # HTTP, or SMTP of a mail server
    retry_after: float = 0  # seconds that it wants no more for


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    allowed: Iterable[str],
    resolve: Resolve = look_up,
) -> Reply:
    """POST the body and return the answer. Raises NotDelivered, or Refused when the target may not be reached."""
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
) -> Reply:
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
        return Reply(int(answer.status), _retry_after(answer.headers.get("Retry-After", "")))
    except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
        if time.monotonic() >= deadline:
            raise NotDelivered(f"The receiver did not answer within {WHOLE_LIMIT:.0f} seconds") from None
        raise NotDelivered(f"The receiver did not answer: {_reason(error)}") from None
    except Exception as error:  # http.client's own, which have no base class but this
        raise NotDelivered(f"The receiver did not answer in HTTP: {_reason(error)}") from None
    finally:
        cut_off.cancel()
        connection.close()


def _retry_after(value: str) -> float:
    """Seconds; what is no number counts as none, and LONGEST_WAIT is the most."""
    return min(float(value), LONGEST_WAIT) if SECONDS.fullmatch(value) else 0


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
