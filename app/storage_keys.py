"""Keys of stored objects, built from checked parts."""

import re
import secrets
from datetime import date

KEY_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")  # no slash, no leading dot: cannot climb out of its folder
NAMED_BY_CONTENT = re.compile(r"(?:logs/.*\.([0-9a-f]{64})-[0-9a-f]{8}|symbols/.*\.([0-9a-f]{64}))")


def log_key(app_identifier: str, received: date, log_id: str, sha256: str) -> str:
    """logs/<app>/<yyyy>/<mm>/<dd>/<log_id>.<sha256>-<random>, by the day of arrival: each upload writes its own object."""
    name = f"{checked(log_id)}.{checked(sha256)}-{secrets.token_hex(4)}"
    return f"logs/{checked(app_identifier)}/{received:%Y/%m/%d}/{name}"


def sha256_in(key: str) -> str | None:
    """The SHA-256, in hex, of what lies under a key that `log_key` or `symbol_cache_key` made; None for other keys."""
    found = NAMED_BY_CONTENT.fullmatch(key)
    return found[1] or found[2] if found else None


def symbols_folder(app_identifier: str, identifier: str) -> str:
    """symbols/<app>/<identifier>, which holds an uploaded file and its caches."""
    return f"symbols/{checked(app_identifier)}/{checked(identifier)}"


def symbols_key(app_identifier: str, identifier: str, name: str) -> str:
    """symbols/<app>/<identifier>/<name>."""
    return f"{symbols_folder(app_identifier, identifier)}/{checked(name)}"


def symbol_cache_key(app_identifier: str, identifier: str, name: str, sha256: str) -> str:
    """symbols/<app>/<identifier>/<name>.<sha256>: what a worker made of a file of symbols."""
    return symbols_key(app_identifier, identifier, f"{name}.{checked(sha256)}")


def app_folders(app_identifier: str) -> tuple[str, ...]:
    """The folders that hold nothing but what belongs to one app."""
    return (f"logs/{checked(app_identifier)}", f"symbols/{checked(app_identifier)}")


def job_folder(job_id: str) -> str:
    """jobs/<job_id>, which holds one folder per attempt."""
    return f"jobs/{checked(job_id)}"


def attempt_folder(job_id: str, attempt_name: str) -> str:
    """jobs/<job_id>/<attempt>, which holds what one attempt stores: no two attempts ever write the same object."""
    return f"{job_folder(job_id)}/{checked(attempt_name)}"


def artefact_key(job_id: str, attempt_name: str, name: str) -> str:
    """jobs/<job_id>/<attempt>/<name>."""
    return f"{attempt_folder(job_id, attempt_name)}/{checked(name)}"


def index_key(list_key: str) -> str:
    """Beside a stored list, in the folder of its attempt: where its chunks begin."""
    return f"{list_key.rpartition('/')[0]}/chunks.json"


def checked(part: str) -> str:
    """The same text, if it is fit to be one part of a key; else ValueError, for callers check what clients name."""
    if not KEY_PART.fullmatch(part):
        raise ValueError("not fit to be a part of a storage key")
    return part
