"""Makes what SDKs report of sessions, and reads the figures that come of it."""

import json
import secrets
from typing import Any, NamedTuple

from sqlalchemy import select

from app.background.session_folds import fold_sessions
from app.db.models.session_day import SessionDay
from app.services import Services
from app.sketches import Distinct


class Counted(NamedTuple):
    """The figures of one day, version and environment."""

    sessions: int
    errored: int = 0
    crashed: int = 0
    abnormal: int = 0
    users: int = 0
    crashed_users: int = 0


def update(sid: str = "", **told: Any) -> dict[str, Any]:
    """What an item `session` says; by default that a session has begun."""
    attributes = {
        "release": told.pop("release", "notes@2.4.0+51"),
        "environment": told.pop("environment", "production"),
    }
    return {
        "sid": sid or secrets.token_hex(16), "init": True, "started": "2018-09-13T11:59:00Z", "status": "ok", "errors": 0,
        "attrs": attributes, **told,
    }  # fmt: skip


def sums(release: str = "notes@2.4.0", **told: Any) -> dict[str, Any]:
    """What an item `sessions` says of one minute."""
    return {"aggregates": [{"started": "2018-09-13T11:59:00Z", **told}], "attrs": {"release": release}}


def envelope_of(*items: dict[str, Any]) -> bytes:
    """An envelope that holds these and nothing else."""
    lines: list[Any] = [{}]
    for item in items:
        lines += [{"type": "sessions" if "aggregates" in item else "session"}, item]
    return "\n".join(map(json.dumps, lines)).encode()


def counted(services: Services, app_id: int) -> dict[tuple[str, str, str], Counted]:
    """(day, version, environment) -> the figures, once what has arrived is counted."""
    fold_sessions(services, app_id)
    with services.db.read() as session:
        rows = list(session.scalars(select(SessionDay).where(SessionDay.app_id == app_id)))
    return {
        (row.day.isoformat(), row.version, row.environment): Counted(
            row.sessions, row.errored, row.crashed, row.abnormal,
            distinct(row.users), distinct(row.crashed_users),
        )
        for row in rows
    }  # fmt: skip


def distinct(sketch: bytes | None) -> int:
    """How many users a sketch holds."""
    found = Distinct()
    found.add(sketch)
    return found.number
