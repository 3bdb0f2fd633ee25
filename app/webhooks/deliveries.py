"""Delivers what is due: one receiver at a time by one worker, each event tried for about a day, then failed."""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from app import iso_time
from app.db.models.app import App
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
from app.errors import TransientError
from app.services import Services
from app.telemetry import metrics
from app.webhooks.secret import SecretUnreadable, decrypt_secret, sign
from app.webhooks.sending import NotDelivered, Refused, Resolve, look_up, post
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
GONE = 410
AT_ONCE = 4  # receivers that one process delivers to side by side
TIDY_EVERY = 60.0  # seconds
STOP_WITHIN = 12.0  # seconds, a little more than one request may take

log = structlog.get_logger()


class Result(NamedTuple):
    """What came of one attempt."""

    status: int | None  # HTTP
    error: str | None  # None: delivered

    @property
    def is_final(self) -> bool:
        """True when no further attempt can help."""
        return self.status == GONE


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
            app = session.get_one(App, webhook.app_id).identifier
            due = due_deliveries(session, webhook.id, now, PER_CLAIM)
        for delivery in due:
            if is_stopping() or attempt.is_lost or services.now() > now + GO_ON_FOR:
                break
            result = _attempt(services, webhook, app, delivery, resolve)
            if not _record(services, webhook, delivery, result):
                break
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


def body_of(delivery: Delivery, app: str) -> bytes:
    """What is sent: the same bytes at every attempt, with ids only."""
    about = "crash_identifier" if delivery.event == "crash.new" else "job_id"
    event = {
        "type": delivery.event,
        "timestamp": iso_time.rfc3339(delivery.created_at),
        "data": {"app_identifier": app, about: delivery.subject},
    }
    return json.dumps(event, separators=(",", ":")).encode()


def _attempt(services: Services, webhook: Webhook, app: str, delivery: Delivery, resolve: Resolve) -> Result:
    body = body_of(delivery, app)
    timestamp = int(services.now().timestamp())
    try:
        secret = decrypt_secret(services.config.secret_key, webhook.secret)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "crashq-webhooks",
            "webhook-id": delivery.event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(secret, delivery.event_id, timestamp, body),
        }
        status = post(webhook.url, body, headers, services.config.webhooks_allow, resolve)
    except (SecretUnreadable, Refused) as error:
        return Result(None, error.message)
    except NotDelivered as error:
        return Result(None, str(error))
    if 200 <= status < 300:
        return Result(status, None)
    hint = "; redirects are not followed" if 300 <= status < 400 else ""
    return Result(status, f"The receiver answered {status}{hint}")


def _record(services: Services, webhook: Webhook, delivery: Delivery, result: Result) -> bool:
    """Write the result of an attempt; False when the receiver gets no further delivery now."""
    now = services.now()
    changes: dict[str, Any] = {"last_status": result.status, "last_error": result.error}
    is_over = result.error is not None and (result.is_final or delivery.attempts >= len(PAUSES))
    if result.error is None:
        changes |= {"state": DeliveryState.DELIVERED, "delivered_at": now}
    elif is_over:
        changes |= {"state": DeliveryState.FAILED}
    else:
        changes |= {"next_at": now + timedelta(seconds=PAUSES[delivery.attempts])}
    reason = None
    with services.db.write() as session:
        current = session.get(Webhook, webhook.id, populate_existing=True, with_for_update=True)
        if current is None:
            return False
        recorded = record(session, delivery, **changes)
        if result.error is None and current.failing_since is not None:
            change_webhook(session, webhook.id, failing_since=None)
        elif result.error is not None:
            since = current.failing_since or now
            reason = _reason_to_disable(result, is_over=is_over, failing_for=now - since) if current.active else None
            switched = {"active": False, "disabled_reason": reason} if reason else {}
            change_webhook(session, webhook.id, failing_since=since, **switched)
            if reason:
                give_up(session, reason, webhook.id)
    if recorded:
        metrics.webhook_deliveries.add("delivered" if result.error is None else "given_up" if is_over else "failed")
    event = "webhook_delivered" if result.error is None else "webhook_failed"
    log.info(event, webhook=webhook.identifier, delivery=delivery.id, status=result.status, recorded=recorded)
    if reason:
        log.warning("webhook_disabled", webhook=webhook.identifier)
    return reason is None and current.active


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
"""Receivers are claimed by the threads of `DeliveryPool`, which a periodic task wakes."""


class DeliveryPool:
    """Threads that end when nothing is due. `wake` costs nothing and may be called at any time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._is_stopping = False
        self._tidied_at = float("-inf")

    def wake(self) -> None:
        """Start a thread, for something may be due, unless enough of them run."""
        with self._lock:
            if self._is_stopping or len(self._threads) >= AT_ONCE:
                return
            thread = threading.Thread(target=self._go_on, name="delivery", daemon=True)
            self._threads.add(thread)
        thread.start()

    def stop(self) -> None:
        """Begin no further delivery, and wait for those under way; what is left is another worker's."""
        with self._lock:
            self._is_stopping = True
            threads = list(self._threads)
        deadline = time.monotonic() + STOP_WITHIN
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _go_on(self) -> None:
        try:
            self._tidy()
            while not self._is_stopping and (webhook := claim_next(self._services)) is not None:
                self.wake()  # another receiver may wait as well
                deliver(self._services, webhook, is_stopping=lambda: self._is_stopping)
        except TransientError as error:
            log.warning("push_put_off", code=error.code)  # the rows stay due
        except Exception:
            log.exception("push_broke")
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _tidy(self) -> None:
        with self._lock:
            if time.monotonic() - self._tidied_at < TIDY_EVERY:
                return
            self._tidied_at = time.monotonic()
        tidy(self._services)
