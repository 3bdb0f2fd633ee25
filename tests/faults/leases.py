"""Attempts of processes that are dead, ended before their leases have run out."""

from typing import Any

from sqlalchemy import update

from app.services import Services
from app.work.ending import take_from_dead
from app.work.work_type import WorkType
from tests.faults.ledger import IS_SOAK


def end_attempts(services: Services, work: WorkType[Any]) -> None:
    """Let the next process begin at once, after one failure more; in `make soak` it waits for lease and pause."""
    if IS_SOAK:
        return
    take_from_dead(services, [work], "")
    with services.db.write() as session:
        session.execute(update(work.leasing.table).values(not_before=None))
