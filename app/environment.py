"""Single settings as the environment has them, each checked; ConfigError names the variable that makes no sense."""

import hashlib
import ipaddress
import os
import re
import tempfile
from collections.abc import Mapping
from email.utils import parseaddr
from urllib.parse import urlsplit

from app.errors import ConfigError

MIN_SECRET_LENGTH = 16  # characters; shorter ones can be guessed
ANY_HOST = "*"  # in CRASHQ_HOSTS


def url(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    """A URL of one of the schemes, complete. Raises ConfigError, as all of these do."""
    value = environ.get(name, "").strip()
    wanted = " or ".join(f"{scheme}://…" for scheme in schemes)
    if not value:
        raise ConfigError(f"{name} is not set; set it to {wanted}, or start everything with `crashq up`")
    if value.partition("://")[0] not in schemes or "://" not in value:
        raise ConfigError(f"{name} has to be {wanted}")
    try:
        parts = urlsplit(value)
        complete = bool(parts.port is None or parts.port) and _is_complete(parts.scheme, parts.netloc, parts.path)
    except ValueError:
        complete = False
    if not complete:
        raise ConfigError(f"{name} lacks its host, bucket or path, or has a bad port; wanted is {wanted}")
    return value


def database_url(environ: Mapping[str, str]) -> str:
    """Platforms set `postgres://` and `postgresql://`, which are SQLAlchemy's only with the driver's name."""
    given = environ.get("DATABASE_URL", "").strip()
    full = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", given)
    return url({"DATABASE_URL": full}, "DATABASE_URL", ("sqlite", "postgresql+psycopg"))


def _is_complete(scheme: str, host: str, path: str) -> bool:
    match scheme:
        case "memory":
            return True
        case "file" | "sqlite":
            return not host and len(path) > 1
        case _:
            return bool(host)


def secret(environ: Mapping[str, str]) -> str:
    """SECRET_KEY."""
    value = environ.get("SECRET_KEY", "").strip()
    if len(value) < MIN_SECRET_LENGTH:
        problem = f"is shorter than {MIN_SECRET_LENGTH} characters" if value else "is not set"
        raise ConfigError(
            f"SECRET_KEY {problem}; make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return value


def integer(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number within bounds, or the default."""
    value = environ.get(name, "").strip()
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise ConfigError(f"{name} has to be a whole number from {low} to {high}")
    return int(value)


def mail_from(environ: Mapping[str, str], name: str, smtp_url: str | None) -> str:
    """The sender of mails, `crashq@example.com` or `crashq <crashq@example.com>`; needed with a mail server."""
    value = environ.get(name, "").strip()
    if not value and smtp_url:
        raise ConfigError(f"{name} is not set; set it to the sender of mails, crashq@example.com for instance")
    address = parseaddr(value)[1]
    if value and not (value.isascii() and value.isprintable() and re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", address)):
        raise ConfigError(f"{name} has to be one address, crashq@example.com or crashq <crashq@example.com>")
    return value or "crashq@localhost"


def common_folder(environ: Mapping[str, str]) -> str:
    """A folder for temporary files that the processes of one service, one machine and one user come to by themselves."""
    service = "".join(environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL", "CRASHQ_REDIS_PREFIX"))
    return f"{tempfile.gettempdir()}/crashq-{os.getuid()}-{hashlib.sha256(service.encode()).hexdigest()[:12]}"


def accel_redirect(environ: Mapping[str, str], name: str) -> str | None:
    """The path of a location in the proxy, without a slash at its end; None when unset."""
    value = environ.get(name) or None
    if value is None:
        return None
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+/?", value):
        raise ConfigError(f"{name} has to be the path of a location in the proxy, like /stored")
    if not environ.get("STORAGE_URL", "").startswith("file:"):
        raise ConfigError(f"{name} needs a folder as the store: STORAGE_URL=file:///…")
    return value.rstrip("/")


def name_prefix(environ: Mapping[str, str], name: str, default: str) -> str:
    """What names in Redis begin with."""
    value = environ.get(name, "").strip() or default
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", value):
        raise ConfigError(f"{name} has to be 1 to 64 letters, digits and the signs _ . : -")
    return value


def hosts(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Host names in lower case, and networks as `ipaddress` writes them."""
    return tuple(_host_or_network(name, value.strip()) for value in environ.get(name, "").split(",") if value.strip())


def own_hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    """CRASHQ_HOSTS, with the address that web listens on where it is a single one; ANY_HOST alone stands for all."""
    if environ.get("CRASHQ_HOSTS", "").strip() == ANY_HOST:
        return (ANY_HOST,)
    listens = environ.get("CRASHQ_HOST", "").strip()
    own = () if listens in ("", "0.0.0.0", "::", "localhost") else hosts({"CRASHQ_HOST": listens}, "CRASHQ_HOST")  # noqa: S104
    return hosts(environ, "CRASHQ_HOSTS") + own


def _host_or_network(name: str, value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        if not re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9._-]{1,253}", value):
            raise ConfigError(f"{name} has to be hosts and networks like hooks.internal,10.1.0.0/16") from None
    return value.lower().rstrip(".")


def origins(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Origins to the letter as browsers send them, for they are compared so."""
    found = tuple(value.strip() for value in environ.get(name, "").split(",") if value.strip())
    for value in found:
        if not re.fullmatch(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?", value):
            raise ConfigError(f"{name} has to be origins like https://crashes.example.com,http://localhost:5173")
        if value.endswith(":443" if value.startswith("https:") else ":80"):
            raise ConfigError(f"{name} names {value} with the port that browsers leave out")
    return found


def buckets(environ: Mapping[str, str], name: str) -> tuple[tuple[str, str], ...]:
    """(name, URL) of each bucket that exporters may write to."""
    found = {}
    for entry in filter(None, (value.strip() for value in environ.get(name, "").split(","))):
        bucket, _, address = entry.partition("=")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", bucket) or bucket in found:
            raise ConfigError(f"{name} has to be names and URLs like archive=s3://bucket/prefix,other=s3://bucket2")
        found[bucket] = url({name: address}, name, ("s3", "file"))
    return tuple(found.items())


def choice(environ: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of some words, or the default."""
    value = environ.get(name, "").strip() or default
    if value not in choices:
        raise ConfigError(f"{name} has to be one of {', '.join(filter(None, choices))}")
    return value
