"""Figures of crashes: kept by digests, completed beside them, and never wrong by what happens meanwhile (both databases)."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.background import figures
from app.db.models.crash import Crash
from app.db.models.crash_figure import CrashFigure
from app.db.models.occurrence import Occurrence
from app.db.queries.removal import remove_occurrences
from app.ingest.receive import receive
from app.ingest.regrouping import begin_regrouping, merge
from app.services import Services
from app.sweep import sweep
from tests.factories import NOON, Member, add_newer, make_crash, run_enqueued
from tests.regrouping import crash_of, send
from tests.sentry_events import sentry_event


class WorkerDied(BaseException):
    """kill -9: nothing of the worker's runs any more."""


def figures_of(services: Services, crash: Crash) -> dict[tuple[str, str, str], int]:
    """(fact, value, detail) -> occurrences, of all days."""
    found: dict[tuple[str, str, str], int] = {}
    with services.db.read() as session:
        for row in session.scalars(select(CrashFigure).where(CrashFigure.crash_id == crash.id)):
            key = (row.fact, row.value, row.detail)
            found[key] = found.get(key, 0) + row.occurrences
    return found


def is_complete(services: Services, crash: Crash) -> bool:
    with services.db.read() as session:
        now = session.get_one(Crash, crash.id)
        return now.figures_revision == now.revision


def recount(services: Services) -> None:
    """What the periodic task and the workers do."""
    figures.renew_figures(services)
    run_enqueued(services)


@pytest.fixture
def meanwhile(monkeypatch) -> list[Callable[[], object]]:
    """What happens after the next recount has read a crash and before it writes."""
    steps: list[Callable[[], object]] = []
    differences = figures.differences

    def interrupted(session: Any, crash_id: int) -> Iterator[Any]:
        for rows in differences(session, crash_id):
            while steps:
                steps.pop()()
            yield rows

    monkeypatch.setattr(figures, "differences", interrupted)
    return steps


def test_a_digest_adds_to_the_figures_of_a_new_crash(services, member, run_workers):
    for number, user in enumerate(["ada", "ada", None]):
        receive(services, member.app, f"log-{number}", sentry_event(user, name=str(number)))
    run_workers()

    crash = crash_of(services, "log-0")
    assert is_complete(services, crash)
    assert figures_of(services, crash) == {
        ("app_version", "=1.2", ""): 3,
        ("os", "", ""): 3,
        ("device_model", "", ""): 3,
        ("user", "=ada", "=1.2"): 2,
    }


def test_environment_kind_and_tags_are_counted_where_they_are_told(services, member, run_workers):
    more = {"environment": "staging", "level": "fatal", "tags": {"screen": "cart", "plan": "free"}}
    receive(services, member.app, "log-0", sentry_event(None, **more))
    receive(services, member.app, "log-1", sentry_event(None, level="warning", tags=[["screen", "cart"]]))
    receive(services, member.app, "log-2", sentry_event(None))
    run_workers()

    crash = crash_of(services, "log-0")
    found = figures_of(services, crash)
    assert {key: number for key, number in found.items() if key[0] in ("environment", "kind", "tag")} == {
        ("environment", "=staging", "=1.2"): 1,
        ("kind", "=crash", "=false"): 1,
        ("kind", "=non_fatal", "=true"): 1,
        ("tag", "=screen", "=cart"): 2,
        ("tag", "=plan", "=free"): 1,
    }


def test_a_regrouping_reads_from_logs_what_rows_do_not_tell(services, member, run_workers, clock):
    receive(services, member.app, "log-0", sentry_event("ada", environment="staging", tags={"screen": "cart"}))
    run_workers()
    crash = crash_of(services, "log-0")
    before = figures_of(services, crash)
    nothing = {"described": None, "environment": None, "tags": None, "kind": None, "handled": None}
    with services.db.write() as session:
        session.execute(update(Occurrence).values(**nothing))
        session.execute(delete(CrashFigure).where(CrashFigure.fact.in_(["environment", "kind", "tag"])))

    begin_regrouping(services, member.app.id, anew=True)
    for _ in range(2):
        run_workers()
        clock.advance(seconds=61)
        sweep(services)

    assert figures_of(services, crash_of(services, "log-0")) == before
    assert is_complete(services, crash_of(services, "log-0"))


def test_a_database_of_the_release_before_is_completed_in_the_background(services, member):
    crash = make_crash(services, member.app, occurrences=5, every=timedelta(days=1))
    other = make_crash(services, member.app, occurrences=1, newest=NOON - timedelta(hours=1))
    assert not is_complete(services, crash)

    recount(services)

    assert is_complete(services, crash)
    assert is_complete(services, other)
    assert figures_of(services, crash)["app_version", "", ""] == 5


def test_what_the_release_before_digests_meanwhile_is_counted_by_the_next_recount(services, member, meanwhile):
    crash = make_crash(services, member.app, occurrences=2)
    meanwhile.append(lambda: add_newer(services, crash))

    recount(services)
    assert not is_complete(services, crash)
    recount(services)

    assert is_complete(services, crash)
    assert figures_of(services, crash)["app_version", "", ""] == 3


def test_a_recount_and_digests_beside_it_count_each_occurrence_once(services, member, run_workers, meanwhile):
    send(services, member, run_workers, *["-[A go]"] * 3)
    crash = crash_of(services, "log-0")
    figures.distrust(services, member.app.id)
    add_newer(services, crash)
    meanwhile.append(lambda: send(services, member, run_workers, "-[A go]", prefix="later"))

    recount(services)

    assert is_complete(services, crash)
    assert sum(number for key, number in figures_of(services, crash).items() if key[0] == "app_version") == 5


def remove_newest(services: Services, crash: Crash) -> None:
    with services.db.write() as session:
        newest = select(Occurrence.id).where(Occurrence.crash_id == crash.id).order_by(Occurrence.id.desc()).limit(1)
        remove_occurrences(session, [session.scalars(newest).one()], NOON)


def test_a_recount_beside_a_removal_does_not_answer_and_keeps_no_user_that_is_gone(services, member, meanwhile):
    crash = make_crash(services, member.app, occurrences=2)
    with services.db.write() as session:
        newest = select(Occurrence).where(Occurrence.crash_id == crash.id).order_by(Occurrence.id.desc()).limit(1)
        session.scalars(newest).one().user_id = "ada"
    meanwhile.append(lambda: remove_newest(services, crash))

    recount(services)
    assert not is_complete(services, crash)
    assert ("user", "=ada", "") not in figures_of(services, crash)
    recount(services)

    assert is_complete(services, crash)
    assert figures_of(services, crash)["app_version", "", ""] == 1


def test_a_recount_beside_a_move_does_not_answer(services, member, run_workers, meanwhile):
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    one, other = crash_of(services, "log-0"), crash_of(services, "log-2")
    figures.distrust(services, member.app.id)
    with services.db.write() as session:
        session.execute(CrashFigure.__table__.delete())

    def merge_them() -> None:
        merge(services, member.user_id, one, other)
        run_workers()

    meanwhile.append(merge_them)
    recount(services)
    recount(services)

    assert is_complete(services, other)
    assert figures_of(services, other)["app_version", "=1.2", ""] == 3
    assert figures_of(services, one) == {}


def test_a_recount_whose_worker_has_lost_its_row_adds_nothing(services, member, clock, meanwhile, monkeypatch):
    crash = make_crash(services, member.app, occurrences=2)

    def die(*_: object) -> None:
        raise WorkerDied

    def fall_silent() -> None:
        clock.advance(minutes=5)
        sweep(services)
        with monkeypatch.context() as patch, suppress(WorkerDied):
            patch.setattr(figures, "declare_complete", die)  # the other worker has added all by then
            run_enqueued(services)

    meanwhile.append(fall_silent)
    recount(services)

    assert not is_complete(services, crash)
    assert figures_of(services, crash)["app_version", "", ""] == 2


def test_a_merge_moves_the_figures(services: Services, member: Member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    one, other = crash_of(services, "log-0"), crash_of(services, "log-2")

    merge(services, member.user_id, one, other)
    run_workers()

    assert is_complete(services, one)
    assert is_complete(services, other)
    assert figures_of(services, one) == {}
    assert figures_of(services, other)["app_version", "=1.2", ""] == 3
