"""REDIS_URL, read in one place for all who connect to Redis, so that web, workers and rate limits agree about each form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection, SentinelManagedSSLConnection

from app.errors import ConfigError

FORMS = "redis://…, rediss://…, unix:///path, redis+sentinel://… or the same with valkey in place of redis"
REDIS_PORT, SENTINEL_PORT = 6379, 26379
CERTIFICATES = {"none": "none", "optional": "optional", "required": "required"}
CERTIFICATES |= {f"CERT_{name.upper()}": name for name in CERTIFICATES}  # as Celery and Python's ssl spell them
FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
SSL_OPTIONS = frozenset({"ssl_cert_reqs", "ssl_check_hostname", "ssl_ca_path", "ssl_password", *FILES})
SENTINEL_OPTIONS = {"sentinel_username": "username", "sentinel_password": "password"}
YES, NO = ("true", "1", "yes"), ("false", "0", "no")


@dataclass(frozen=True)
class RedisServer:
    """Where Redis is and how to connect to it."""

    address: str  # as logs name it: host and port, the master's name or "unix-socket"
    connection_class: type[AbstractConnection]
    options: Mapping[str, Any] = field(repr=False)  # of each connection, as redis-py names them
    master: str = ""  # name that sentinels know it by
    sentinels: tuple[tuple[str, int], ...] = ()  # hosts and ports
    sentinel_options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def pool(self, **options: Any) -> ConnectionPool:
        """A pool of connections, which are made when first used. Takes the options of redis-py's connections.

        Sentinels are asked one after the other: connecting to all of them may take as long as to one server, and none
        is asked twice.
        """
        whole = {"connection_class": self.connection_class, **self.options, **options}
        if not self.sentinels:
            return ConnectionPool(**whole)
        each: dict[str, Any] = {"retry": Retry(NoBackoff(), 0)}
        each |= {name: whole[name] for name in ("retry", "socket_timeout") if name in whole}
        if timeout := whole.get("socket_connect_timeout"):
            each["socket_connect_timeout"] = timeout / len(self.sentinels)
        manager = Sentinel(self.sentinels, sentinel_kwargs={**each, **self.sentinel_options})  # type: ignore[no-untyped-call]
        return SentinelConnectionPool(self.master, manager, **whole)  # type: ignore[no-untyped-call]


def read_redis_url(url: str) -> RedisServer:
    """The server that REDIS_URL names. Raises ConfigError, which tells what is wrong and never the password."""
    url = re.sub(r"^valkey", "redis", url.strip())
    try:
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise _wrong("cannot be read") from None
    match parts.scheme:
        case "redis" | "rediss":
            return _by_network(parts, given)
        case "unix":
            return _by_socket(parts, given)
        case "redis+sentinel" | "rediss+sentinel":
            return _by_sentinels(parts, given)
        case _:
            raise _wrong(f"has to be {FORMS}")


def _by_network(parts: SplitResult, given: dict[str, str]) -> RedisServer:
    host, port = _address(parts.netloc.rpartition("@")[2], REDIS_PORT)
    tls = parts.scheme == "rediss"
    database = _database(parts.path.strip("/"), given)
    options = {"host": host, "port": port, "db": database, **_login(parts), **_tls(given, tls=tls)}
    _refuse(given)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return RedisServer(address, SSLConnection if tls else Connection, options)


def _by_socket(parts: SplitResult, given: dict[str, str]) -> RedisServer:
    path = unquote(parts.path)
    if parts.netloc.rpartition("@")[2] or len(path) < len("/s"):
        raise _wrong("needs the absolute path of a socket: unix:///path")
    database = _database("", given)
    _refuse(given)
    options = {"path": path, "db": database, **_login(parts)}
    kind: Any = UnixDomainSocketConnection  # mypy takes it for abstract
    return RedisServer("unix-socket", kind, options)


def _by_sentinels(parts: SplitResult, given: dict[str, str]) -> RedisServer:
    sentinels = tuple(_address(one, SENTINEL_PORT) for one in parts.netloc.rpartition("@")[2].split(","))
    master, _, database = parts.path.strip("/").partition("/")
    if not master:
        raise _wrong("needs the master's name: redis+sentinel://host:26379,host:26379/name/0")
    tls = parts.scheme == "rediss+sentinel"
    safely = _tls(given, tls=tls)
    options = {"db": _database(database, given), **_login(parts), **safely}
    known = {name: given.pop(key) for key, name in SENTINEL_OPTIONS.items() if key in given}
    _refuse(given)
    return RedisServer(
        master,
        SentinelManagedSSLConnection if tls else SentinelManagedConnection,
        options,
        unquote(master),
        sentinels,
        {**known, **safely, **({"ssl": True} if tls else {})},
    )


def _address(written: str, default_port: int) -> tuple[str, int]:
    """Host and port of `host`, `host:port` or `[address]:port`."""
    try:
        parts = urlsplit(f"//{written}")
        host, port = unquote(parts.hostname or ""), default_port if parts.port is None else parts.port
    except ValueError:
        host, port = "", 0
    if not host or not port:
        raise _wrong("lacks a host or has a bad port")
    return host, port


def _login(parts: SplitResult) -> dict[str, str]:
    found = {"username": unquote(parts.username or ""), "password": unquote(parts.password or "")}
    return {name: value for name, value in found.items() if value}


def _database(path: str, given: dict[str, str]) -> int:
    """The number of the database; takes `db` out of the options. 0 where none is named."""
    number = given.pop("db", path) or "0"
    if not re.fullmatch(r"[0-9]{1,4}", number):
        raise _wrong("has a database that is no number")
    return int(number)


def _tls(given: dict[str, str], *, tls: bool) -> dict[str, Any]:
    """Takes the options of TLS out; they are as redis-py's connections want them."""
    found: dict[str, Any] = {name: given.pop(name) for name in SSL_OPTIONS & given.keys()}
    if found and not tls:
        raise _wrong(f"has {min(found)}, which needs rediss://")
    if not CERTIFICATES.keys() >= {found.get("ssl_cert_reqs", "none")}:
        raise _wrong(f"has an ssl_cert_reqs that is none of {', '.join(CERTIFICATES)}")
    checks = found.get("ssl_check_hostname", "true").lower()
    if checks not in YES + NO:
        raise _wrong("has an ssl_check_hostname that is neither true nor false")
    for name in FILES:
        if name in found and not Path(found[name]).is_file():
            raise _wrong(f"has an {name} that is no file")
    if tls:
        found["ssl_cert_reqs"] = CERTIFICATES[found.get("ssl_cert_reqs", "required")]
        found["ssl_check_hostname"] = checks in YES and found["ssl_cert_reqs"] != "none"
    return found


def _refuse(unknown: dict[str, str]) -> None:
    if unknown:
        known = ", ".join(["db", *sorted(SSL_OPTIONS), *SENTINEL_OPTIONS])
        raise _wrong(f"has the option {min(unknown)}; known are {known}")


def _wrong(problem: str) -> ConfigError:
    return ConfigError(f"REDIS_URL {problem}")
