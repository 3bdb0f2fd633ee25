"""What tests of grouping anew share: rules that change, and a look at how everything is counted."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from app.crashes.blame import Blame
from app.crashes.fingerprint import Fingerprint, fingerprint
from app.crashes.log import CrashLog
from app.db.models.crash import Crash
from app.db.models.occurrence import Occurrence
from app.ingest import grouping
from app.ingest.receive import receive
from app.services import Services
from tests.factories import Member, kscrash


@contextmanager
def rules_of_the_next_version(regroup: Callable[[Any], Any] = lambda parts: parts) -> Iterator[None]:
    """A new version of the rules, in which `regroup` turns the parts of the present one into others."""

    def changed(log: CrashLog, blame: Blame | None = None) -> Fingerprint:
        made = fingerprint(log, blame)
        parts = regroup(made.parts)
        value = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
        return replace(made, value=value, version=made.version + 1, parts=parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "fingerprint", changed)
        yield


def send(services: Services, member: Member, run_workers: Callable[[], int], *frames: str, prefix: str = "log") -> None:
    """One log for each frame, digested; the n-th is named `<prefix>-<n>`."""
    for number, frame in enumerate(frames):
        receive(services, member.app, f"{prefix}-{number}", kscrash(frame=frame))
    run_workers()


def crashes(services: Services) -> list[Crash]:
    """Those that have occurrences, by identifier."""
    with services.db.read() as session:
        return list(session.scalars(select(Crash).where(Crash.occurrences_count > 0).order_by(Crash.identifier)))


def counted(services: Services) -> Counter[str]:
    """Identifier of a crash -> the occurrences it is said to have; fails when one's row does not tell the truth."""
    with services.db.read() as session:
        for crash in session.scalars(select(Crash)):
            seen_at = func.coalesce(Occurrence.seen_at, Occurrence.occurred_at)
            found = select(func.count(), func.min(seen_at), func.max(seen_at))
            number, first, last = session.execute(found.where(Occurrence.crash_id == crash.id)).one()
            assert crash.occurrences_count == number
            assert not number or (crash.first_seen, crash.last_seen) == (first, last)
    return Counter({crash.identifier: crash.occurrences_count for crash in crashes(services)})


def crash_of(services: Services, log_id: str) -> Crash:
    """The crash in which the one occurrence of a log is counted."""
    with services.db.read() as session:
        of_log = select(Crash).join(Occurrence, Occurrence.crash_id == Crash.id).where(Occurrence.log_id == log_id)
        return session.scalars(of_log).one()
