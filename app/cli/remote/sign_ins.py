"""The file that keeps tokens: in the user's folder of settings, readable by nobody else."""

import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

import click

from app.client import NotAllowed

NAME = "remote.json"
PRIVATE = 0o600


def sign_ins_file() -> Path:
    """Where it is: below XDG_CONFIG_HOME, or what the system has in its place."""
    return Path(click.get_app_dir("crashq")) / NAME


def token_of(url: str) -> str | None:
    """The token for a server."""
    known = _read()["servers"].get(url)
    token = known.get("token") if isinstance(known, dict) else None
    return token if isinstance(token, str) else None


def latest_url() -> str | None:
    """The server that was logged in to last."""
    latest = _read()["latest"]
    return latest if isinstance(latest, str) else None


def keep(url: str, email: str, token: str) -> None:
    """Remember a login."""
    known = _read()
    known["servers"][url] = {"email": email, "token": token}
    _write({**known, "latest": url})


def forget(url: str) -> None:
    """Forget a login."""
    known = _read()
    known["servers"].pop(url, None)
    latest = known["latest"] if known["latest"] != url else next(iter(known["servers"]), None)
    _write({**known, "latest": latest})


def _read() -> dict[str, Any]:
    """Raises NotAllowed when others may read the file, or it is no such file."""
    path = sign_ins_file()
    try:
        with path.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise NotAllowed(f"{path} may be read by others", f"chmod 600 {path}, and log in again")
            known = json.load(opened)
    except FileNotFoundError:
        known = {}
    except ValueError:
        raise NotAllowed(f"{path} cannot be read", "Delete it and log in again") from None
    servers = known.get("servers", {}) if isinstance(known, dict) else None
    if not isinstance(servers, dict):
        raise NotAllowed(f"{path} cannot be read", "Delete it and log in again")
    return {"latest": known.get("latest"), "servers": servers}


def _write(known: dict[str, Any]) -> None:
    """At once or not at all: a file beside it takes its place."""
    path = sign_ins_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{NAME}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(descriptor, "w") as opened:
            json.dump(known, opened, indent=1)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
