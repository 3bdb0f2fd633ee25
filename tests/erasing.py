"""Adds logs of two users, makes results of them, and erases one."""

from typing import Any

from app.db.models.erasure import Erasure, ErasureState
from app.db.models.job import Job
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.jobs.service import ask
from app.privacy.erasing import begin_erasure, show_erasure
from app.services import Services
from app.sweep import sweep
from tests.factories import Clock, Member, run_enqueued

ADA, BOB = "user-ada-4711", "user-bob-0815"


def add(services: Services, member: Member, log_id: str, content: bytes) -> str:
    """A digested log; returns the identifier of its crash, "" when it has none."""
    receive(services, member.app, log_id, content)
    run_enqueued(services)
    found = log_state(services, member.app, log_id).occurrences
    return found[0][1] if found else ""


def made(services: Services, member: Member, kind: str, identifier: str, **query: str) -> Job:
    job = ask(services, member.user_id, kind, identifier, query)
    run_enqueued(services)
    return row(services, job.id)


def row(services: Services, job_id: str) -> Job:
    with services.db.read() as session:
        return session.get_one(Job, job_id)


def erased(services: Services, clock: Clock, member: Member, user_id: str = ADA, **options: Any) -> Erasure:
    """Begin an erasure and let workers and sweeps come until it is done."""
    one = begin_erasure(services, member.app, user_id, **options)
    for _ in range(20):
        run_enqueued(services)
        one = show_erasure(services, member.app, one.id)
        if one.state == ErasureState.FINISHED:
            return one
        clock.advance(seconds=61)
        sweep(services)
    raise AssertionError(f"not finished: {one.step} {one.error_code}")


def count(services: Services, table: type) -> int:
    with services.db.read() as session:
        return session.query(table).count()


def export(services: Services, member: Member, log_id: str, crash: str, **query: str) -> Job:
    found = log_state(services, member.app, log_id)
    return made(services, member, "export_occurrence", crash, id=found.occurrences[0][0], log_id=log_id,
                date=found.date, **query)  # fmt: skip
