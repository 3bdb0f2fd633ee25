"""The names of logs: which a client may give, which the server makes, and the time that the vendor's shape carries."""

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta

LOG_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
VENDOR_SHAPE = re.compile(
    r"[0-9]{1,20}-([0-9]{1,12})-logs-[0-9]{5}"
)  # <installation number>-<unix seconds>-logs-<5 digits>
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_log_id(value: str) -> bool:
    """True for what a client may name a log; such a name is also fit to be a part of a storage key."""
    return LOG_ID.fullmatch(value) is not None


def new_log_id(now: datetime) -> str:
    """A name in the vendor's shape: a random installation number, the time of arrival, a random sequence number."""
    return f"{secrets.randbelow(2**32):010d}-{int(now.timestamp())}-logs-{secrets.randbelow(100_000):05d}"


def log_id_of_file(stem: str, content: bytes) -> str:
    """A name for a file's log that is the same whenever the same file is added: its stem and a hash of its bytes."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:80]
    return f"{plain or 'log'}-{hashlib.sha256(content).hexdigest()[:16]}"


def time_in(log_id: str) -> datetime | None:
    """The UTC time that a name of the vendor's shape carries, else None."""
    match = VENDOR_SHAPE.fullmatch(log_id)
    if not match:
        return None
    try:
        return EPOCH + timedelta(seconds=int(match[1]))
    except OverflowError:
        return None
