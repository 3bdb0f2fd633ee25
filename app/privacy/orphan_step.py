"""The step of an erasure that finds the user's logs which have bytes and no row: of uploads that were not answered with a 202."""

from datetime import datetime

from app.db.models.app import App
from app.operations.orphans import IN_FLIGHT, delete_orphan, orphans
from app.privacy.erasure_slice import ErasureSlice
from app.storage import ObjectNotFound, ObjectStat


def delete_orphans_of_user(slice_: ErasureSlice) -> datetime | None:
    """Delete them; returns when to look again if some are so young that they may yet get their row, which is new data then."""
    services, again_at = slice_.services, None
    with services.db.read() as session:
        app = session.get_one(App, slice_.app_id)
    for stat in orphans(services, services.storage.list(f"logs/{app.identifier}")):
        if not _is_users(slice_, stat):
            continue
        now = services.now()
        if abs(now - stat.modified) >= IN_FLIGHT:
            delete_orphan(services, stat)
        else:
            again_at = max(again_at or now, min(stat.modified, now) + IN_FLIGHT)
    return again_at


def _is_users(slice_: ErasureSlice, stat: ObjectStat) -> bool:
    log_id = stat.key.rpartition("/")[2].rpartition(".")[0]
    if slice_.sought.stands_in_text(log_id):
        return True
    try:
        return slice_.sought.is_named_in(slice_.services.storage.get(stat.key))
    except ObjectNotFound:
        return False
