"""Removal beside digests, regroupings and each other: nothing is lost, doubled or miscounted (both databases)."""

from collections import Counter
from datetime import timedelta

from sqlalchemy import func, select

from app.db.models.crash import Crash
from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence
from app.errors import TransientError
from app.ingest.digest import digest
from app.ingest.grouping import regroup_logs
from app.ingest.receive import receive
from app.privacy.erasing import begin_erasure, run_erasure, show_erasure
from app.privacy.retention import remove_what_is_old
from app.privacy.settings import change_settings
from app.sweep import sweep
from tests.at_once import at_once
from tests.erasing import ADA, BOB
from tests.factories import NOON, run_enqueued
from tests.sentry_events import sentry_event

LOGS = 120


def test_counts_are_right_while_others_remove_and_digest_at_once(services, member, clock):
    for number in range(LOGS):
        happened = NOON - timedelta(days=60 if number % 3 == 0 else 1)
        user, kind = (ADA, BOB)[number % 2], f"message of crash {number % 5}"
        receive(services, member.app, f"1-{int(happened.timestamp())}-logs-{number:05d}", sentry_event(user, kind))
    services.broker.messages.clear()
    for row_id in range(1, LOGS // 2):
        digest(services, row_id)
    change_settings(services, member.app, {"keep_occurrences_days": 30})
    erasure = begin_erasure(services, member.app, ADA)
    met: Counter[str] = Counter()

    def act(index: int) -> None:
        for round_ in range(12):
            try:
                match index % 4:
                    case 0:
                        digest(services, LOGS // 2 + index * 12 + round_)
                    case 1:
                        run_erasure(services, erasure.id)
                    case 2:
                        remove_what_is_old(services)
                    case _:
                        regroup_logs(services, range(1, LOGS + 1, round_ + 1))
            except TransientError:  # a deadlock that the database ended, say: it is tried again
                met["outage"] += 1

    raised = at_once(8, act)

    assert raised == []
    assert met["outage"] < 20
    for _ in range(10):
        clock.advance(seconds=61)
        sweep(services)
        run_enqueued(services)
        remove_what_is_old(services)
    assert show_erasure(services, member.app, erasure.id).finished_at is not None
    with services.db.read() as session:
        logs = list(session.scalars(select(Log)))
        told = {(crash.id, crash.occurrences_count, crash.first_seen, crash.last_seen)
                for crash in session.scalars(select(Crash).where(Crash.occurrences_count != 0))}  # fmt: skip
        per_crash = select(Occurrence.crash_id, func.count(), func.min(Occurrence.occurred_at),
                           func.max(Occurrence.occurred_at))  # fmt: skip
        found = {tuple(row) for row in session.execute(per_crash.group_by(Occurrence.crash_id))}
        users = set(session.scalars(select(Occurrence.user_id)))
    assert told == found
    assert users == {BOB}
    assert {log.status for log in logs} == {LogStatus.DIGESTED}
    assert len(logs) == sum(count for _, count, _, _ in found) == LOGS // 3  # of BOB, and not old
    assert len({stat.key for stat in services.storage.list("logs")}) == len(logs)
