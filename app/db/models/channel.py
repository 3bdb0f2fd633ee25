"""Channels: where an app's notifications go. A channel is a webhook's row, which deliveries hang on, and the row beside it here.

The row is also leased work: a worker evaluates the rules that no event triggers, such as summaries.
"""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, false, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.models.occurrence import MAX_FACT
from app.db.models.webhook import Webhook
from app.db.work import BigId, Leased, Leasing

MAX_NAME, MAX_ZONE = 100, 64  # characters
PERIODIC = text(
    "spike_times IS NOT NULL OR users_over IS NOT NULL OR summary_daily OR summary_weekly OR new_in_environment"
)


class NotificationChannel(Leased, Base):
    """A receiver of an app's notifications, and the rules that say of what it is notified."""

    __tablename__ = "notification_channels"
    webhook_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    kind: Mapped[str] = mapped_column(String(16))  # a module of app/notifications/channels
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    address: Mapped[str] = mapped_column(Text)  # encrypted
    spike_times: Mapped[float | None]  # None: no such rule
    spike_at_least: Mapped[int | None]  # occurrences of the day
    users_over: Mapped[int | None]
    rules_since: Mapped[date]  # UTC day; a crash that had passed `users_over` before is not told
    environment: Mapped[str | None] = mapped_column(String(MAX_FACT))  # the rules are of its occurrences; None: of all
    new_in_environment: Mapped[bool] = mapped_column(server_default=false())  # instead of the webhook's on_crash_new
    summary_daily: Mapped[bool]
    summary_weekly: Mapped[bool]
    summary_hour: Mapped[int]  # in the time zone
    time_zone: Mapped[str] = mapped_column(String(MAX_ZONE))  # IANA
    quiet_from: Mapped[int | None]  # hour in the time zone; None: no quiet hours
    quiet_until: Mapped[int | None]  # the first hour that is not quiet
    unsubscribed_at: Mapped[datetime | None]  # by who receives the mails
    __table_args__ = (
        Index("ix_notification_channels_due", "enqueue_after", postgresql_where=PERIODIC, sqlite_where=PERIODIC),
    )

    @property
    def id(self) -> int:
        """By which log lines name the row, as of all leased work."""
        return self.webhook_id


def channels_of(session: Session, app_id: int, limit: int, offset: int) -> list[tuple[Webhook, NotificationChannel]]:
    """The channels of an app, oldest first."""
    found = (
        select(Webhook, NotificationChannel)
        .join(NotificationChannel, NotificationChannel.webhook_id == Webhook.id)
        .where(Webhook.app_id == app_id)
    )
    return [
        (hook, channel) for hook, channel in session.execute(found.order_by(Webhook.id).limit(limit).offset(offset))
    ]


def count_channels(session: Session, app_id: int) -> int:
    """How many an app has."""
    found = (
        select(func.count())
        .select_from(NotificationChannel)
        .join(Webhook, Webhook.id == NotificationChannel.webhook_id)
    )
    return session.scalar(found.where(Webhook.app_id == app_id)) or 0


def find_channel(
    session: Session, identifier: str, app_id: int | None = None, *, lock: bool = False
) -> tuple[Webhook, NotificationChannel] | None:
    """A channel, of that app where one is given; with `lock` both rows are locked until the transaction ends."""
    found = select(Webhook, NotificationChannel).join(NotificationChannel, NotificationChannel.webhook_id == Webhook.id)
    found = found.where(Webhook.identifier == identifier)
    if app_id is not None:
        found = found.where(Webhook.app_id == app_id)
    row = session.execute(found.with_for_update() if lock else found).first()
    return (row[0], row[1]) if row else None


def channel_of(session: Session, webhook_id: int) -> NotificationChannel | None:
    """The row beside a webhook's that makes it a channel."""
    return session.get(NotificationChannel, webhook_id)


EVALUATED = or_(
    NotificationChannel.spike_times.is_not(None),
    NotificationChannel.users_over.is_not(None),
    NotificationChannel.summary_daily,
    NotificationChannel.summary_weekly,
    NotificationChannel.new_in_environment,
)
LEASING = Leasing(
    NotificationChannel,
    waiting=(EVALUATED,),
    working=(),
    order=(NotificationChannel.not_before, NotificationChannel.webhook_id),
)
