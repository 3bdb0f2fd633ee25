"""Delivers what is due: one receiver at a time by one worker, each event tried for about a day, then failed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.db.models.app import App
from app.db.models.channel import channel_of
from app.db.models.webhook import (
    LEASING,
    Delivery,
    DeliveryState,
    Webhook,
    change_webhook,
    drop_old_deliveries,
    due_deliveries,
    give_up,
    next_webhook,
    record,
)
from app.db.work import begin
from app.notifications.sending import ChannelSender
from app.services import Services
from app.telemetry import metrics
from app.webhooks.events import EventSender
from app.webhooks.result import GONE, DeliverySender, Result
from app.webhooks.sending import Resolve, look_up
from app.work.ending import unwritten
from app.work.lease import Attempt
from app.work.lease import attempt as make_attempt
from app.work.limits import Budget
from app.work.work_type import WorkType, lease_of

PAUSES = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
"""Seconds from each failed attempt to the next one: 23.7 hours in all, then the delivery has failed."""
PER_CLAIM = 20  # deliveries to one receiver before another receiver is served
GO_ON_FOR = timedelta(seconds=10)  # no further delivery to a receiver begins after this, until its next claim
CLAIM_WITHIN = 120.0  # seconds: GO_ON_FOR and one request more, of which the name's look-up has no limit of ours
DISABLED_AFTER = timedelta(days=1)  # of failures only, when a delivery is given up
KEPT_FOR = timedelta(days=30)  # ended deliveries
AT_MOST = 1_000  # rows cleared at a time

log = structlog.get_logger()


def claim_next(services: Services) -> Webhook | None:
    """Take the next receiver; None when nothing is due that no worker has."""
    unwritten.write()
    now = services.now()
    with services.db.write() as session:
        webhook = next_webhook(session, now)
        if webhook is not None:
            webhook.served_at = now
            begin(session, LEASING, webhook, now, lease_of(services), services.new_holder())
        return webhook


def deliver(
    services: Services,
    webhook: Webhook,
    resolve: Resolve = look_up,
    is_stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Tell a receiver what is due, in order, for as long as it may take; then it is anybody's again."""

    def step(attempt: Attempt[Webhook]) -> timedelta:
        now = services.now()
        with services.db.read() as session:
            app, channel = session.get_one(App, webhook.app_id), channel_of(session, webhook.id)
            due = due_deliveries(session, webhook.id, now, PER_CLAIM)
        sender: DeliverySender = EventSender(services, webhook, app, resolve)
        if channel is not None:
            sender = ChannelSender(services, webhook, channel, app, resolve)
        for parcel in sender.parcels(due):
            if is_stopping() or attempt.is_lost or services.now() > now + GO_ON_FOR:
                break
            result = sender.send(parcel)
            if not _record(services, webhook, parcel, result):
                break
            if result.retry_after:
                return timedelta(seconds=result.retry_after)
        return timedelta()

    make_attempt(services, WORK, webhook, step)


def deliver_due(services: Services, resolve: Resolve = look_up) -> int:
    """Deliver until nothing is due; returns how many receivers were served. For one thread; a worker has several."""
    receivers = 0
    while (webhook := claim_next(services)) is not None:
        deliver(services, webhook, resolve)
        receivers += 1
    return receivers


def tidy(services: Services) -> None:
    """Let what waits for receivers that are off fail, and delete deliveries that ended long ago."""
    with services.db.write() as session:
        give_up(session, "The webhook is not active")
        drop_old_deliveries(session, services.now() - KEPT_FOR, AT_MOST)


def _record(services: Services, webhook: Webhook, parcel: list[Delivery], result: Result) -> bool:
    """Write the result of an attempt; False when the receiver gets no further delivery now."""
    now = services.now()
    is_over = result.error is not None and (
        result.is_final or result.is_void or all(delivery.attempts >= len(PAUSES) for delivery in parcel)
    )
    reason = None
    with services.db.write() as session:
        current = session.get(Webhook, webhook.id, populate_existing=True, with_for_update=True)
        if current is None:
            return False
        recorded = [record(session, delivery, **_changes(delivery, result, now)) for delivery in parcel]
        if result.error is None and current.failing_since is not None:
            change_webhook(session, webhook.id, failing_since=None)
        elif result.error is not None and not result.is_void:
            since = current.failing_since or now
            reason = _reason_to_disable(result, is_over=is_over, failing_for=now - since) if current.active else None
            switched = {"active": False, "disabled_reason": reason} if reason else {}
            change_webhook(session, webhook.id, failing_since=since, **switched)
            if reason:
                give_up(session, reason, webhook.id)
    outcome = "delivered" if result.error is None else "given_up" if is_over else "failed"
    for _ in filter(None, recorded):
        metrics.webhook_deliveries.add(outcome)
    event = "webhook_delivered" if result.error is None else "webhook_failed"
    log.info(event, webhook=webhook.identifier, delivery=parcel[0].id, status=result.status, recorded=any(recorded))
    if reason:
        log.warning("webhook_disabled", webhook=webhook.identifier)
    return reason is None and current.active


def _changes(delivery: Delivery, result: Result, now: datetime) -> dict[str, Any]:
    """Columns of a delivery after an attempt."""
    changes: dict[str, Any] = {"last_status": result.status, "last_error": result.error}
    if result.error is None:
        return {**changes, "state": DeliveryState.DELIVERED, "delivered_at": now}
    if result.is_final or result.is_void or delivery.attempts >= len(PAUSES):
        return {**changes, "state": DeliveryState.FAILED}
    pause = max(PAUSES[delivery.attempts], result.retry_after)
    return {**changes, "next_at": now + timedelta(seconds=pause)}


def _reason_to_disable(result: Result, *, is_over: bool, failing_for: timedelta) -> str | None:
    if result.is_final:
        return f"The receiver answered {GONE}: it wants no more"
    if is_over and failing_for >= DISABLED_AFTER * 0.9:
        return "Every delivery failed for a day"
    return None


WORK = WorkType(
    name="webhook",
    noun="delivery",
    leasing=LEASING,
    budget=lambda _services, _webhook: Budget(seconds=CLAIM_WITHIN),
    max_failures=lambda _: None,  # the deliveries have their own attempts
    permanent=(),
)
"""Receivers are claimed by the threads of `app.webhooks.pool`, which a periodic task wakes."""
