"""The one mechanism of leased work, shown by a type of its own (both databases)."""

import errno
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from app.db.work import LONG_AGO
from app.errors import BadParameters, TransientError
from app.services import Services
from app.sweep import sweep_work
from app.work import ending
from app.work.ending import hand_back, unwritten
from app.work.lease import Attempt, claim_next, run_all, run_next
from app.work.work_type import WorkType
from tests.factories import Clock
from tests.notes import Note, Steps, complete, note, raising, work_of


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def work(services: Services, steps: Steps) -> WorkType[Note]:
    return work_of(services, steps)


def test_a_row_is_claimed_worked_at_and_complete(services, work, steps):
    assert run_next(services, work)

    row = note(services)
    assert (row.state, row.attempt, row.failures, row.lease_expires_at, row.holder) == ("done", 1, 0, None, None)
    assert not run_next(services, work)


def test_a_step_that_has_more_to_do_frees_its_row_for_later(services, work, steps, clock: Clock):
    steps.act = lambda _: timedelta(seconds=10)

    assert run_next(services, work)
    assert not run_next(services, work)
    clock.advance(seconds=10)

    assert run_next(services, work)
    assert (note(services).attempt, note(services).failures) == (2, 0)


def test_a_bug_is_counted_when_the_attempt_ends_and_a_few_give_the_work_up(services, work, steps, clock):
    steps.act = raising(ZeroDivisionError("x"))

    for failures in (1, 2):
        run_next(services, work)
        assert (note(services).state, note(services).failures) == ("open", failures)
        clock.advance(minutes=1)
    run_next(services, work)

    assert (note(services).state, note(services).reason, steps.attempts) == ("given up", "attempts_used_up", 3)


def test_an_outage_is_never_counted_and_ends_the_work_when_it_has_lasted(services, work, steps, clock):
    steps.act = raising(TransientError())

    for _ in range(9):
        assert run_all(services, work) == 1
        assert (note(services).state, note(services).failures) == ("open", 0)
        clock.advance(minutes=2)
    clock.advance(seconds=services.config.job_patience)
    run_next(services, work)

    assert (note(services).state, note(services).reason) == ("given up", "outage_lasted")


def test_an_outage_of_work_without_patience_never_ends_it(services, work, steps, clock):
    steps.act = raising(TransientError())
    patient = replace(work, patience=lambda _: None)

    for _ in range(20):
        run_next(services, patient)
        clock.advance(days=1)

    assert (note(services).state, note(services).failures, steps.attempts) == ("open", 0, 20)


def test_what_no_other_attempt_can_change_ends_the_work_at_once(services, work, steps):
    steps.act = raising(BadParameters("no"))

    run_next(services, work)

    assert (note(services).state, note(services).reason, steps.attempts) == ("given up", "bad_parameters", 1)


def test_the_row_of_a_dead_worker_is_freed_by_the_sweep_and_counted_once(services, work, steps, clock):
    assert claim_next(services, work) is not None  # and its worker dies
    clock.advance(seconds=services.config.job_lease - 1)
    sweep_work(services, [work])
    assert not run_next(services, work)

    clock.advance(seconds=1)
    sweep_work(services, [work])
    sweep_work(services, [work])

    assert note(services).failures == 1
    assert services.broker.messages == [("count_note", "1")]
    assert run_next(services, work)


def test_an_attempt_that_was_taken_over_writes_nothing(services, work, steps, clock):
    def late(attempt: Attempt[Note]) -> None:
        clock.advance(seconds=services.config.job_lease)
        sweep_work(services, [work])
        complete(attempt)

    steps.act = late

    run_next(services, work)

    assert (note(services).state, note(services).failures) == ("open", 1)


@pytest.mark.parametrize("is_committed", [True, False])
def test_progress_forgets_the_failures_before_it_only_if_it_is_committed(services, work, steps, clock, is_committed):
    def break_after_progress(attempt: Attempt[Note]) -> None:
        with suppress(TransientError), services.db.write() as session:
            attempt.progress(session)
            if not is_committed:
                raise TransientError
        raise ZeroDivisionError("x")

    steps.act = break_after_progress
    for _ in range(2):
        run_next(services, work)
        clock.advance(minutes=1)

    assert note(services).failures == (1 if is_committed else 2)


def test_a_renewed_lease_is_kept(services, work, steps, clock):
    def long(attempt: Attempt[Note]) -> None:
        for _ in range(5):
            clock.advance(seconds=services.config.job_lease - 1)
            attempt.tick()
            sweep_work(services, [work])
        complete(attempt)

    steps.act = long

    run_next(services, work)

    assert (note(services).state, note(services).attempt) == ("done", 1)


@pytest.mark.parametrize("column", ["lease_expires_at", "not_before", "enqueue_after"])
def test_a_time_further_ahead_than_any_can_be_is_none_for_a_clock_was_set_back(services, work, steps, clock, column):
    clock.advance(days=1)
    if column == "lease_expires_at":
        claim_next(services, work)  # and its worker dies
    with services.db.write() as session:
        setattr(session.get_one(Note, 1), column, services.now() + timedelta(seconds=30))
    clock.advance(days=-1)

    sweep_work(services, [work])

    assert run_next(services, work)
    assert (note(services).state, note(services).failures) == ("done", 0)


def test_a_lease_that_could_not_be_renewed_because_the_database_was_away_is_no_failure(
    services, work, clock, monkeypatch
):
    assert claim_next(services, work) is not None
    restarted = services.now() + timedelta(seconds=1)
    monkeypatch.setattr(services.db, "started_at", lambda: restarted)
    clock.advance(seconds=services.config.job_lease)

    sweep_work(services, [work])

    assert (note(services).failures, note(services).outage_since) == (0, services.now())


def test_an_ending_that_could_not_be_written_is_written_when_the_database_is_back(services, work, steps, monkeypatch):
    """Five restarts of the database in a row reject nothing."""
    ended = ending._end
    away = []

    def fail_once(*args, **options):
        if not away:
            away.append(True)
            raise TransientError
        return ended(*args, **options)

    monkeypatch.setattr(ending, "_end", fail_once)
    steps.act = raising(TransientError())
    run_next(services, work)
    assert note(services).lease_expires_at is not None

    unwritten.write()

    assert (note(services).lease_expires_at, note(services).failures, note(services).state) == (None, 0, "open")


def test_an_ending_that_breaks_keeps_no_other_from_being_written(services, work):
    written = []
    unwritten.add(lambda: 1 / 0)
    unwritten.add(lambda: written.append(True))

    for _ in range(2):
        unwritten.tick()
    assert written == [True]


def test_a_stopping_worker_hands_back_what_its_processes_hold_and_nothing_is_counted(services, work):
    mine, other = replace(services, worker="one"), replace(services, worker="another")
    assert claim_next(mine, work) is not None

    hand_back(other, work)
    assert note(services).lease_expires_at is not None
    hand_back(mine, work)
    assert (note(services).lease_expires_at, note(services).failures) == (None, 0)
    assert services.broker.messages == [("count_note", "1")]


def test_a_row_that_nobody_claims_is_enqueued_ever_less_often(services, work, clock):
    assert note(services).enqueue_after == LONG_AGO
    sent = []
    for _ in range(60):
        sweep_work(services, [work])
        sent.append(len(services.broker.messages))
        clock.advance(seconds=5)

    assert sent[-1] == 8  # after 5, 10, 20, 40 s, then each minute


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE])
def test_a_full_disk_of_the_worker_is_an_outage_and_no_failure(services, work, steps, number):
    steps.act = raising(OSError(number, "no room"))

    assert run_next(services, work)

    row = note(services)
    assert (row.state, row.failures) == ("open", 0)
    assert row.outage_since is not None
