"""The sweep of leased work: attempts whose lease has run out are ended, and unclaimed rows are enqueued again."""

from collections.abc import Iterable
from typing import Any

import structlog

from app.db.work import overdue, unclaimed
from app.services import Services
from app.work.ending import take_over, unwritten
from app.work.lease import furthest
from app.work.work_type import WorkType

AT_MOST = 500  # rows of a type per sweep; the next sweep goes on

log = structlog.get_logger()


def sweep_work(services: Services, types: Iterable[WorkType[Any]]) -> None:
    """Bring every row that is due one step further. Safe to run at any time and twice at once."""
    unwritten.write()
    sent: dict[str, int] = {}
    for work in types:
        now = services.now()
        with services.db.read() as session:
            silent = overdue(session, work.leasing, now, furthest(services, now), AT_MOST)
        for row in silent:
            take_over(services, work, row)
        sent[work.name] = _enqueue(services, work)
    for name, number in sent.items():
        if number:
            log.info("enqueued_again", work=name, rows=number)


def _enqueue(services: Services, work: WorkType[Any]) -> int:
    at_most = AT_MOST if work.swept_at_once is None else min(work.swept_at_once(services), AT_MOST)
    if work.message is None or at_most <= 0:
        return 0
    with services.db.write() as session:
        rows = unclaimed(session, work.leasing, services.now(), at_most)
    for row in rows:
        services.broker.enqueue(*work.message(row))
    return len(rows)
