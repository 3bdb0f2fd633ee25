"""Work over its budget ends with its reason, wherever it is then, and is not tried again (both databases)."""

import time
from dataclasses import replace
from threading import Lock, Thread

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.services import Services
from app.work.lease import Attempt, run_next
from app.work.limits import Budget
from app.work.work_type import WorkType
from tests.notes import Note, Steps, complete, note, work_of
from tests.system.conftest import until


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def work(services: Services, steps: Steps) -> WorkType[Note]:
    return work_of(services, steps)


def hurried(work: WorkType[Note]) -> WorkType[Note]:
    """The same, with time for next to nothing."""
    return replace(work, budget=lambda *_: Budget(seconds=0.05))


def spin(seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pass


def test_work_over_its_budget_ends_with_that_reason_and_is_not_tried_again(services, work, steps):
    steps.act = lambda _: spin()

    run_next(services, hurried(work))

    assert (note(services).state, note(services).reason, steps.attempts) == ("given up", "took_too_long", 1)
    assert not run_next(services, work)


def test_a_budget_grows_with_the_row(services, work, steps):
    steps.act = lambda attempt: (spin(1.0), complete(attempt))[1]

    run_next(services, replace(work, budget=lambda _, row: Budget(seconds=0.2 + 30 * row.id)))

    assert note(services).state == "done"


def test_work_that_is_never_given_up_goes_on_after_a_pause_when_it_was_over_its_budget(services, work, steps, clock):
    steps.act = lambda attempt: spin() if steps.attempts == 1 else complete(attempt)
    lasting = replace(hurried(work), give_up=None, max_failures=lambda _: None)

    run_next(services, lasting)
    assert (note(services).state, note(services).failures) == ("open", 1)
    assert not run_next(services, lasting)
    clock.advance(minutes=1)
    run_next(services, lasting)

    assert note(services).state == "done"


def test_work_that_hangs_in_c_past_its_budget_is_ended_by_the_lease_renewer(services, work, steps):
    def hang(attempt: Attempt[Note]) -> None:
        returns = Lock()
        returns.acquire()
        Thread(target=lambda: (until(lambda: note(services).state != "open", "its end", 30), returns.release())).start()
        returns.acquire()  # a call into C, which nothing interrupts
        complete(attempt)

    steps.act = hang

    run_next(services, hurried(work))

    assert (note(services).state, note(services).reason, steps.attempts) == ("given up", "took_too_long", 1)


@pytest.mark.parametrize("slow", ["before_commit", "after_commit"])
def test_a_budget_that_ends_in_the_completing_commit_neither_loses_nor_doubles_the_work(
    services, work, steps, slow, request
):
    """The commit is whole: the row is complete, and the late reason finds nothing to end."""

    def slowly(_session: Session) -> None:
        if steps.attempts:
            spin(1.5)

    event.listen(Session, slow, slowly)
    request.addfinalizer(lambda: event.remove(Session, slow, slowly))
    steps.act = complete

    run_next(services, hurried(work))

    assert (note(services).state, note(services).reason, note(services).lease_expires_at) == ("done", "", None)
    assert not run_next(services, work)
