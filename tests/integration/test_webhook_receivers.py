"""Receivers that fail, come back, are slow or gone: tried again, given up, and no burden to others (both databases)."""

import threading
from datetime import timedelta

import pytest

from app.db.models.webhook import DeliveryState
from app.errors import Conflict
from app.sweep import sweep
from app.webhooks import sending
from app.webhooks import settings as webhooks
from app.webhooks.deliveries import PAUSES, claim_next, deliver, deliver_due
from app.webhooks.pool import DeliveryPool
from tests.receiver import receiver
from tests.webhook_rows import EVERY, finish_a_job, rows, stored


def test_a_receiver_that_fails_is_tried_for_a_day_then_the_delivery_has_failed_and_the_webhook_is_off(
    hooked, clock, sink, hook, ask_again
):
    sink.answer = lambda _: (500, {})
    began = clock.now
    finish_a_job(hooked, ask_again)

    deliver_due(hooked)
    for pause in PAUSES:
        assert deliver_due(hooked) == 0
        clock.advance(seconds=pause)
        deliver_due(hooked)

    [row] = rows(hooked)
    assert (row.state, row.attempts, row.last_status) == (DeliveryState.FAILED, len(PAUSES) + 1, 500)
    assert len(sink.got) == len(PAUSES) + 1
    assert timedelta(hours=23) < clock.now - began < timedelta(hours=25)
    assert len({got.headers["webhook-id"] for got in sink.got}) == 1
    assert len({got.body for got in sink.got}) == 1
    assert not stored(hooked, hook).active
    assert stored(hooked, hook).disabled_reason == "Every delivery failed for a day"


def test_a_receiver_that_comes_back_gets_everything_and_stays_active(hooked, clock, sink, hook, ask_again):
    sink.answer = lambda came: (503 if came < 2 else 200, {})
    finish_a_job(hooked, ask_again)

    for pause in (0, *PAUSES[:2]):
        clock.advance(seconds=pause)
        deliver_due(hooked)

    [row] = rows(hooked)
    assert (row.state, row.attempts) == (DeliveryState.DELIVERED, 3)
    assert stored(hooked, hook).failing_since is None
    assert stored(hooked, hook).active


def test_a_receiver_that_is_gone_for_good_switches_itself_off(hooked, sink, hook, ask_again):
    sink.answer = lambda _: (410, {})
    for number in range(3):
        finish_a_job(hooked, ask_again, about=str(number))

    deliver_due(hooked)

    assert len(sink.got) == 1
    assert {row.state for row in rows(hooked)} == {DeliveryState.FAILED}
    assert not stored(hooked, hook).active


def test_redirects_are_not_followed(hooked, sink, hook, ask_again):
    with receiver() as elsewhere:
        sink.answer = lambda _: (302, {"Location": elsewhere.url})
        finish_a_job(hooked, ask_again)

        deliver_due(hooked)

        assert elsewhere.got == []
    [row] = rows(hooked)
    assert (row.state, row.last_status) == (DeliveryState.PENDING, 302)
    assert "redirects are not followed" in row.last_error


def test_a_receiver_that_says_nothing_is_cut_off(hooked, sink, hook, ask_again, monkeypatch):
    monkeypatch.setattr(sending, "READ_LIMIT", 0.2)
    sink.hold = threading.Event()
    finish_a_job(hooked, ask_again)

    deliver_due(hooked)

    [row] = rows(hooked)
    assert (row.state, row.last_status) == (DeliveryState.PENDING, None)
    assert row.last_error.startswith("The receiver did not answer")


def test_while_one_worker_tells_a_receiver_another_leaves_it_alone(hooked, sink, hook, ask_again, clock):
    finish_a_job(hooked, ask_again)
    claim = claim_next(hooked)

    assert claim_next(hooked) is None
    deliver(hooked, claim)

    assert len(sink.got) == 1
    assert claim_next(hooked) is None


def test_what_a_dead_worker_had_claimed_is_delivered_after_its_lease(hooked, sink, hook, ask_again, clock):
    finish_a_job(hooked, ask_again)
    assert claim_next(hooked) is not None  # and the worker dies

    clock.advance(seconds=31)
    sweep(hooked)
    deliver_due(hooked)

    assert len(sink.got) == 1


def test_nothing_is_replayed_to_a_webhook_that_is_off(hooked, member, hook, ask_again, sink):
    finish_a_job(hooked, ask_again)
    webhooks.change(hooked, member.app, hook[0].identifier, webhooks.WebhookChange(active=False))

    with pytest.raises(Conflict):
        webhooks.replay(hooked, member.app, hook[0].identifier, str(rows(hooked)[0].id))

    assert [row.state for row in rows(hooked)] == [DeliveryState.FAILED]


def test_a_slow_receiver_holds_up_no_other(hooked, member, sink, hook, ask_again):
    with receiver() as quick:
        webhooks.create(hooked, member.app, webhooks.NewWebhook(url=quick.url, events=EVERY))
        sink.hold = threading.Event()
        quick_came = threading.Event()
        quick.answer = lambda _: (quick_came.set(), (204, {}))[1]
        finish_a_job(hooked, ask_again)
        pool = DeliveryPool(hooked)

        pool.wake()

        assert quick_came.wait(10)
        sink.hold.set()
        pool.stop()
    assert len(sink.got) == 1
