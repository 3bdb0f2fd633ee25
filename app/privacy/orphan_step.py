"""The step of an erasure that finds the user's logs which have bytes and no row: of uploads that were not answered with a 202."""

from datetime import datetime

from app.db.app import App
from app.orphans import IN_FLIGHT, delete_orphan, orphans
from app.privacy.turn import Turn
from app.storage import ObjectNotFound, ObjectStat


def delete_orphans_of_user(turn: Turn) -> datetime | None:
    """Delete them; returns when to look again if some are so young that they may yet get their row, which is new data then."""
    services, again_at = turn.services, None
    with services.db.read() as session:
        app = session.get_one(App, turn.app_id)
    for stat in orphans(services, services.storage.list(f"logs/{app.identifier}")):
        if not _is_users(turn, stat):
            continue
        now = services.now()
        if abs(now - stat.modified) >= IN_FLIGHT:
            delete_orphan(services, stat)
        else:
            again_at = max(again_at or now, min(stat.modified, now) + IN_FLIGHT)
    return again_at


def _is_users(turn: Turn, stat: ObjectStat) -> bool:
    log_id = stat.key.rpartition("/")[2].rpartition(".")[0]
    if turn.sought.stands_in_text(log_id):
        return True
    try:
        return turn.sought.is_told_by(turn.services.storage.get(stat.key))
    except ObjectNotFound:
        return False
