"""Webhooks of an app and their deliveries: one row for each event and receiver, which is the truth about it."""

import enum
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    delete,
    exists,
    false,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore, rows_changed, value_enum
from app.db.work import BigId, Leased, Leasing, is_due

MAX_ERROR = 200  # characters


class DeliveryState(enum.StrEnum):
    """pending -> delivered | failed; a replay makes it pending again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


PENDING = text("state = 'pending'")
REGRESSED = "crash.regressed"


class Webhook(Leased, Base):
    """A receiver of an app's events; with a row of notification_channels beside it, of its notifications."""

    __tablename__ = "webhooks"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    identifier: Mapped[str] = mapped_column(String(24), unique=True)  # random lower-case hex
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)  # encrypted
    on_job_finished: Mapped[bool]
    on_job_failed: Mapped[bool]
    on_crash_new: Mapped[bool]
    on_crash_regressed: Mapped[bool] = mapped_column(server_default=false())
    active: Mapped[bool]
    disabled_reason: Mapped[str | None] = mapped_column(String(MAX_ERROR))  # why the service has made it inactive
    failing_since: Mapped[datetime | None]  # first failure after the latest success
    created_at: Mapped[datetime]
    served_at: Mapped[datetime | None]  # the webhook served least recently comes next


EVENTS = {
    "job.finished": Webhook.on_job_finished,
    "job.failed": Webhook.on_job_failed,
    "crash.new": Webhook.on_crash_new,
    REGRESSED: Webhook.on_crash_regressed,
}
"""Event -> the column that says whether a webhook receives it."""


class Delivery(Base):
    """One event for one webhook."""

    __tablename__ = "webhook_deliveries"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(24))  # id of the job, or identifier of the crash, app or channel
    period: Mapped[str] = mapped_column(String(16), server_default="")
    """Of what may come again its day or hour, or of REGRESSED the row id of its entry in the history; else empty."""
    created_at: Mapped[datetime]  # when it happened
    state: Mapped[DeliveryState] = mapped_column(value_enum(DeliveryState))
    attempts: Mapped[int]  # since it was made or replayed
    next_at: Mapped[datetime]  # no attempt before then
    last_status: Mapped[int | None]  # HTTP
    last_error: Mapped[str | None] = mapped_column(String(MAX_ERROR))
    delivered_at: Mapped[datetime | None]
    body: Mapped[str | None] = mapped_column(Text)  # of an event about a crash, as the first attempt has made it
    held: Mapped[bool] = mapped_column(server_default=false())  # by quiet hours
    __table_args__ = (
        UniqueConstraint("webhook_id", "event", "subject", "period"),  # an event is delivered once
        Index("ix_webhook_deliveries_pending", "webhook_id", "next_at", postgresql_where=PENDING, sqlite_where=PENDING),
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        Index("ix_webhook_deliveries_created_at", "created_at"),
    )

    @property
    def event_id(self) -> str:
        """The same for every attempt and every webhook: what receivers know repetitions by."""
        return "_".join(part for part in (self.event.replace(".", "_"), self.subject, self.period) if part)


_IS_CHANNEL: ColumnElement[bool] = literal_column(
    "EXISTS (SELECT 1 FROM notification_channels WHERE notification_channels.webhook_id = webhooks.id)", Boolean()
)


def webhooks_of(session: Session, app_id: int, limit: int, offset: int) -> list[Webhook]:
    """The webhooks of an app, oldest first."""
    statement = select(Webhook).where(Webhook.app_id == app_id, ~_IS_CHANNEL).order_by(Webhook.id)
    return list(session.scalars(statement.limit(limit).offset(offset)))


def count_webhooks(session: Session, app_id: int) -> int:
    """How many an app has."""
    counted = select(func.count()).select_from(Webhook).where(Webhook.app_id == app_id, ~_IS_CHANNEL)
    return session.scalar(counted) or 0


def find_webhook(session: Session, app_id: int, identifier: str, *, lock: bool = False) -> Webhook | None:
    """A webhook of the app; with `lock` its row is locked until the transaction ends."""
    statement = select(Webhook).where(Webhook.app_id == app_id, Webhook.identifier == identifier, ~_IS_CHANNEL)
    return session.scalar(statement.with_for_update() if lock else statement)


def drop_webhook(session: Session, webhook_id: int) -> None:
    """Delete a webhook and its deliveries."""
    session.execute(delete(Delivery).where(Delivery.webhook_id == webhook_id))
    session.execute(delete(Webhook).where(Webhook.id == webhook_id))


def deliveries_of(session: Session, webhook_id: int, limit: int, offset: int) -> list[Delivery]:
    """The deliveries of a webhook, newest first."""
    statement = select(Delivery).where(Delivery.webhook_id == webhook_id).order_by(Delivery.id.desc())
    return list(session.scalars(statement.limit(limit).offset(offset)))


def find_delivery(session: Session, webhook_id: int, delivery_id: int) -> Delivery | None:
    """One delivery of a webhook."""
    return session.scalar(select(Delivery).where(Delivery.id == delivery_id, Delivery.webhook_id == webhook_id))


def next_webhook(session: Session, now: datetime) -> Webhook | None:
    """The active webhook with due deliveries that was served longest ago and that no worker has; locked."""
    due = exists().where(
        Delivery.webhook_id == Webhook.id, Delivery.state == DeliveryState.PENDING, Delivery.next_at <= now
    )
    waiting = select(Webhook).where(Webhook.active, Webhook.lease_expires_at.is_(None), is_due(Webhook, now), due)
    in_turn = waiting.order_by(Webhook.served_at.asc().nulls_first(), Webhook.id).limit(1)
    return session.scalar(in_turn.with_for_update(skip_locked=True))


def due_deliveries(session: Session, webhook_id: int, now: datetime, limit: int) -> list[Delivery]:
    """What is due for a webhook, oldest first."""
    due = (Delivery.webhook_id == webhook_id, Delivery.state == DeliveryState.PENDING, Delivery.next_at <= now)
    return list(session.scalars(select(Delivery).where(*due).order_by(Delivery.next_at, Delivery.id).limit(limit)))


def add_delivery(session: Session, webhook_id: int, event: str, subject: str, now: datetime, period: str = "") -> bool:
    """Write what a receiver is to be told; False when it has been written before."""
    values = {"webhook_id": webhook_id, "event": event, "subject": subject, "period": period}
    pending = {"created_at": now, "state": DeliveryState.PENDING, "attempts": 0, "next_at": now, "held": False}
    return insert_or_ignore(session, Delivery, {**values, **pending})


def delivery_for(session: Session, webhook_id: int, event: str, subject: str, period: str) -> Delivery:
    """What `add_delivery` has written, now or before."""
    same = (Delivery.event == event, Delivery.subject == subject, Delivery.period == period)
    return session.scalars(select(Delivery).where(Delivery.webhook_id == webhook_id, *same)).one()


def latest_deliveries(
    session: Session, webhook_id: int, subjects: Iterable[str], since: datetime
) -> dict[str, datetime]:
    """Subject -> when the receiver has got the latest delivery about it, of those that it has got since then."""
    found = select(Delivery.subject, func.max(Delivery.delivered_at).label("latest"))
    of_these = (Delivery.webhook_id == webhook_id, Delivery.subject.in_(subjects), Delivery.delivered_at > since)
    rows = session.execute(found.where(*of_these).group_by(Delivery.subject))
    return {row.subject: row.latest for row in rows}


def hold(session: Session, deliveries: Iterable[Delivery], until: datetime) -> None:
    """Put pending deliveries off to the end of the quiet hours."""
    put_off(session, deliveries, until, held=True)


def put_off(session: Session, deliveries: Iterable[Delivery], until: datetime, **values: Any) -> None:
    """Let pending deliveries wait until then."""
    ids = [delivery.id for delivery in deliveries]
    these = update(Delivery).where(Delivery.id.in_(ids), Delivery.state == DeliveryState.PENDING)
    rows_changed(session, these.values(next_at=until, **values))


def keep_body(session: Session, delivery_id: int, body: str) -> None:
    """Keep what the first attempt at a delivery is about to send."""
    this = update(Delivery).where(Delivery.id == delivery_id, Delivery.body.is_(None))
    rows_changed(session, this.values(body=body))


def record(session: Session, delivery: Delivery, **values: Any) -> bool:
    """Compare and set: count an attempt that began with the delivery as it is given; False when it has moved on."""
    same = (
        Delivery.id == delivery.id,
        Delivery.state == DeliveryState.PENDING,
        Delivery.attempts == delivery.attempts,
    )
    counted = update(Delivery).where(*same).values(attempts=delivery.attempts + 1, **values)
    return rows_changed(session, counted) == 1


def change_webhook(session: Session, webhook_id: int, **values: Any) -> None:
    """Set columns of a webhook."""
    rows_changed(session, update(Webhook).where(Webhook.id == webhook_id).values(**values))


def give_up(session: Session, reason: str, webhook_id: int | None = None) -> int:
    """Let what is pending for a webhook fail, or for all that are not active; returns how many."""
    of_these = (
        Delivery.webhook_id == webhook_id
        if webhook_id is not None
        else Delivery.webhook_id.in_(select(Webhook.id).where(~Webhook.active))
    )
    failing = update(Delivery).where(of_these, Delivery.state == DeliveryState.PENDING)
    return rows_changed(session, failing.values(state=DeliveryState.FAILED, last_error=reason))


def drop_old_deliveries(session: Session, before: datetime, limit: int) -> int:
    """Delete deliveries that have ended and are older than this; returns how many."""
    old = select(Delivery.id).where(Delivery.created_at < before, Delivery.state != DeliveryState.PENDING)
    ids = list(session.scalars(old.order_by(Delivery.created_at, Delivery.id).limit(limit)))
    if ids:
        session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
    return len(ids)


LEASING = Leasing(Webhook, waiting=(Webhook.active.is_(True),), working=(), order=(Webhook.id,), by_enqueue_after=False)
"""A receiver is claimed until its due deliveries are sent, in order. Each delivery counts its own attempts."""
