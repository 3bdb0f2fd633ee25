"""Channels of an app's notifications, their rules, and the log of their deliveries."""

from typing import Annotated

from pydantic import Field

from app.db.models.app import App
from app.db.models.channel import NotificationChannel
from app.db.models.webhook import REGRESSED, Delivery, DeliveryState, Webhook
from app.identity.access import Access
from app.json_models import ResponseBody, Time
from app.notifications import forms
from app.notifications import settings as channels
from app.web.api import tags
from app.web.api.resource import Page, Paging, Resource
from app.web.auth import services

resource = Resource(
    "notifications",
    tags.NOTIFICATIONS,
    url_prefix="/api/apps/<app_identifier>/notifications",
    access=Access.OWNER,
)
ONE = "/<channel_identifier>"
ChannelIdentifier = Annotated[str, Field(description="From the list of an app's channels")]


class ChannelBody(ResponseBody, component="Channel"):
    """A channel as its app's members see it."""

    identifier: str = Field(examples=["b7d9c1e3f5a70819203b4c5d"])
    kind: forms.Kind = Field(examples=["slack"])
    name: str = Field(examples=["The team's chat"])
    address: str = Field(description="Shortened", examples=["hooks.slack.com/…aB3x"])
    rules: forms.ChannelRules
    time_zone: str = Field(examples=["Europe/Paris"])
    summary_hour: int = Field(description="From which on summaries are sent", examples=[9])
    quiet_hours: forms.QuietHours | None
    active: bool
    disabled_reason: str | None = Field(description="Why the service has paused it")
    failing_since: Time | None
    created_at: Time


class NewChannelBody(ChannelBody, component="NewChannel"):
    """A channel that has just been made."""

    secret: str | None = Field(description="Of a webhook, told only here", examples=[None])


class NotificationBody(ResponseBody, component="Notification"):
    """One message to one channel, delivered or to be delivered."""

    id: str = Field(examples=["18"])
    event: str = Field(examples=["crash.new"])
    crash_identifier: str | None
    period: str | None = Field(description="Day or hour of what may come again", examples=[None])
    state: DeliveryState = Field(examples=[DeliveryState.DELIVERED.value])
    held: bool = Field(description="By quiet hours", examples=[False])
    attempts: int
    created_at: Time
    next_at: Time | None
    delivered_at: Time | None
    last_status: int | None = Field(description="HTTP, or SMTP of a mail server")
    last_error: str | None


@resource.post("", "createChannel", "Notify people of crashes", status=201, about="Made", errors=(409,))
def create(app: App, body: forms.NewChannel) -> NewChannelBody:
    """Make a channel; only this response has the secret of a webhook."""
    hook, channel, secret = channels.create(services(), app, body)
    return NewChannelBody.of(hook, **_fields(hook, channel), secret=secret or None)


@resource.get("", "listChannels", "Channels of an app", about="Oldest first")
def list_all(app: App, paging: Paging) -> Page[ChannelBody]:
    """The channels of an app, oldest first."""
    return Page.of(channels.page(services(), app, paging.limit, paging.offset), paging, lambda row: _channel(*row))


@resource.get(ONE, "showChannel", "A channel", about="The channel")
def show(app: App, channel_identifier: ChannelIdentifier) -> ChannelBody:
    """One channel."""
    return _channel(*channels.find(services(), app, channel_identifier))


@resource.patch(ONE, "changeChannel", "Change a channel", about="The channel", errors=(409,))
def change(app: App, channel_identifier: ChannelIdentifier, body: forms.ChannelChange) -> ChannelBody:
    """Change what is given."""
    return _channel(*channels.change(services(), app, channel_identifier, body))


@resource.delete(ONE, "deleteChannel", "Delete a channel and its log", about="Deleted")
def remove(app: App, channel_identifier: ChannelIdentifier) -> None:
    """Delete a channel and its log."""
    channels.remove(services(), app, channel_identifier)


@resource.post(f"{ONE}/test", "testChannel", "Send a test message", about="The test's delivery", errors=(409, 429))
def send_test(app: App, channel_identifier: ChannelIdentifier) -> NotificationBody:
    """Send a test message, one a minute at most."""
    return _notification(channels.send_test(services(), app, channel_identifier))


@resource.get(f"{ONE}/deliveries", "listNotifications", "What a channel was told", about="Newest first")
def list_deliveries(app: App, channel_identifier: ChannelIdentifier, paging: Paging) -> Page[NotificationBody]:
    """The deliveries of a channel, newest first."""
    rows = channels.delivery_page(services(), app, channel_identifier, paging.limit, paging.offset)
    return Page.of(rows, paging, _notification)


def _channel(hook: Webhook, channel: NotificationChannel) -> ChannelBody:
    return ChannelBody.of(hook, **_fields(hook, channel))


def _fields(hook: Webhook, channel: NotificationChannel) -> dict[str, object]:
    return {
        "kind": channel.kind,
        "name": channel.name,
        "address": hook.url,
        "rules": channels.rules_of(hook, channel),
        "time_zone": channel.time_zone,
        "summary_hour": channel.summary_hour,
        "quiet_hours": channels.quiet_hours_of(channel),
    }


def _notification(delivery: Delivery) -> NotificationBody:
    is_pending = delivery.state is DeliveryState.PENDING
    return NotificationBody.of(
        delivery,
        id=str(delivery.id),
        crash_identifier=delivery.subject if delivery.event.startswith("crash.") else None,
        period=delivery.period if delivery.event != REGRESSED and delivery.period else None,
        next_at=delivery.next_at if is_pending else None,
    )
