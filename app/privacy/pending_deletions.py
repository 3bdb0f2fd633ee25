"""Deletes the stored objects whose rows are gone."""

from datetime import timedelta

import structlog

from app.db.models.log import stored_log_ids
from app.db.models.pending_deletion import PendingDeletion, deleted, pending_deletions
from app.services import Services
from app.storage import ObjectNotFound

AT_ONCE = 100  # objects
IN_FLIGHT = timedelta(hours=1)  # younger bytes may be those of an upload whose row is not there yet

log = structlog.get_logger()


def delete_pending(services: Services, erasure_id: str | None = None) -> int:
    """Delete some of the objects that an erasure waits for, or that nothing does; returns how many are done with.

    The same log sent again writes the same object: what belongs to a log again stays. Raises TransientError.
    """
    with services.db.read() as session:
        found = pending_deletions(session, erasure_id, AT_ONCE)
        kept = stored_log_ids(session, [one.key for one in found])
    done = []
    for one in found:
        if one.key in kept:
            done.append(one.key)
        elif not _may_be_in_flight(services, one):
            services.storage.delete(one.key)
            done.append(one.key)
    if done:
        with services.db.write() as session:
            deleted(session, done)
    return len(done)


def _may_be_in_flight(services: Services, one: PendingDeletion) -> bool:
    """True when the bytes were written after the deletion was requested, and not long ago."""
    try:
        modified = services.storage.stat(one.key).modified
    except ObjectNotFound:
        return False
    return modified > one.requested_at and abs(services.now() - modified) < IN_FLIGHT
