"""Slices of an erasure: dead workers, outages, requests that come twice (both databases)."""

from datetime import timedelta

import pytest

from app.db.models.erasure import ErasureState
from app.errors import TransientError
from app.privacy import erasing
from app.privacy.erasing import begin_erasure, run_erasure, show_erasure
from app.services import Services
from app.storage import Storage
from tests.erasing import ADA, BOB, add, erased, export, made
from tests.factories import Clock, run_enqueued
from tests.sentry_events import sentry_event
from tests.stored_bytes import where_it_lies


class Killed(BaseException):
    """Nothing of ours catches it."""


def run_until_killed(services: Services, erasure_id: str, clock: Clock) -> None:
    for _ in range(5):
        run_erasure(services, erasure_id)
        clock.advance(seconds=31)


@pytest.mark.parametrize("step", [name for name in erasing.STEPS if name != "uploads"])
def test_a_worker_that_dies_in_any_step_is_followed_by_another(services, clock, member, step):
    crash = add(services, member, "a-1", sentry_event(ADA, f"for {ADA}"))
    add(services, member, "b-1", sentry_event(BOB))
    made(services, member, "occurrences", crash)
    export(services, member, "a-1", crash)
    begun = begin_erasure(services, member.app, ADA)
    services.broker.messages.clear()
    real = erasing.STEPS[step]

    def work_and_die(slice_, place):
        real(slice_, place)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(erasing.STEPS, step, work_and_die)
        with pytest.raises(Killed):
            run_until_killed(services, begun.id, clock)
    run_erasure(services, begun.id)
    assert show_erasure(services, member.app, begun.id).state == ErasureState.LIVE  # the dead one's lease holds

    one = erased(services, clock, member)

    assert (one.id, one.logs, one.occurrences) == (begun.id, 1, 1)
    assert where_it_lies(services, ADA) == []


def test_an_outage_is_waited_out_and_shown(services, clock, member, monkeypatch):
    add(services, member, "a-1", sentry_event(ADA))
    begun = begin_erasure(services, member.app, ADA)

    def away(*_):
        raise TransientError

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "delete", away)
        run_enqueued(services)
    told = show_erasure(services, member.app, begun.id)
    assert (told.state, told.step, told.error_code) == (ErasureState.LIVE, "objects", "unavailable")

    erased(services, clock, member)

    assert where_it_lies(services, ADA) == []


def test_a_second_request_joins_the_erasure_under_way_and_a_later_one_begins_another(services, clock, member):
    first = begin_erasure(services, member.app, ADA)
    second = begin_erasure(services, member.app, ADA)
    finished = erased(services, clock, member)
    third = begin_erasure(services, member.app, ADA)

    assert first.id == second.id == finished.id != third.id
    assert len({one.user_hash for one in (first, third)}) == 1
    assert third.created_at - first.created_at >= timedelta(0)
