"""What people decide about groups: two crashes are one, or a group that was merged is a crash of its own again."""

import structlog

from app.db import Session
from app.db.models.crash import Crash
from app.db.models.grouping_decision import decide, find_decision, merged_into, split_off
from app.db.models.regrouping import wish
from app.errors import BadParameters, Conflict, NotFound
from app.queueing.broker import LONG, REGROUP
from app.services import Services

MAX_STEPS = 16  # merges under way that lead from one crash to the next
SHOWN = 1_000  # groups of one crash that are looked through

log = structlog.get_logger()


def merge(services: Services, user_id: int, crash: Crash, into: Crash) -> int:
    """Count a crash's occurrences, and those to come, in another one; returns the row id of the work that moves them.

    Whatever was merged into the first goes along. Raises BadParameters or Conflict.
    """
    if crash.app_id != into.app_id:
        raise BadParameters("into: the two crashes are of different apps")
    now = services.now()
    with services.db.write() as session:
        target = _end_of_merges(session, into.identifier)
        if target == crash.identifier:
            raise Conflict("The two are one crash already")
        decide(session, crash, target, user_id, now)
        row_id = wish(session, crash.app_id, now)
    _enqueue(services, row_id)
    return row_id


def split(services: Services, user_id: int, crash: Crash, fingerprint: str) -> int:
    """Make the group with this fingerprint, which was merged into a crash, one of its own again; returns as `merge` does.

    Raises BadParameters when it is the crash's own fingerprint, NotFound when no such group was merged into it.
    """
    if fingerprint == crash.fingerprint:
        raise BadParameters("fingerprint: this is the crash's own; split off the other groups instead")
    now = services.now()
    with services.db.write() as session:
        groups = merged_into(session, crash.identifier, SHOWN)
        found = next((one for one in groups if one.fingerprint == fingerprint), None)
        if found is None:
            raise NotFound("No group with this fingerprint was merged into this crash")
        split_off(session, found, user_id, now)
        row_id = wish(session, crash.app_id, now)
    _enqueue(services, row_id)
    return row_id


def _end_of_merges(session: Session, identifier: str) -> str:
    """Where the merges that are not carried out yet lead to in the end."""
    for _ in range(MAX_STEPS):
        decision = find_decision(session, identifier)
        if decision is None or not decision.is_merge:
            return identifier
        identifier = decision.into_identifier
    raise Conflict("The crash is being merged already, try again when that is done")


def _enqueue(services: Services, row_id: int) -> None:
    log.info("grouping_decided", regrouping=row_id)
    services.broker.enqueue(REGROUP, str(row_id), LONG)
