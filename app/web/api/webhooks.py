"""Webhooks of an app, and the log of their deliveries."""

from typing import Annotated

from pydantic import Field

from app.db.models.app import App
from app.db.models.webhook import Delivery, DeliveryState, Webhook
from app.identity.access import Access
from app.json_models import ResponseBody, Time
from app.web.api import tags
from app.web.api.resource import Page, Paging, Resource
from app.web.auth import services
from app.webhooks import settings as webhooks

resource = Resource("webhooks", tags.WEBHOOKS, url_prefix="/api/apps/<app_identifier>/webhooks", access=Access.OWNER)
ONE = "/<webhook_identifier>"
WebhookIdentifier = Annotated[str, Field(description="From the list of an app's webhooks")]
DeliveryId = Annotated[str, Field(description="From a webhook's deliveries")]


class WebhookBody(ResponseBody, component="Webhook"):
    """A webhook as its app's members see it."""

    identifier: str = Field(examples=["a3c5e7091b2d4f6080a2c4e6"])
    url: str
    events: list[webhooks.Event]
    active: bool
    disabled_reason: str | None = Field(description="Why the service has switched it off")
    failing_since: Time | None
    created_at: Time


class NewWebhookBody(WebhookBody, component="NewWebhook"):
    """A webhook that has just been made."""

    secret: str = Field(description="Told only here; deliveries are signed with it")


class DeliveryBody(ResponseBody, component="Delivery"):
    """One event for one webhook, delivered or to be delivered."""

    id: str = Field(examples=["17"])
    event_id: str = Field(description="The header webhook-id; the same at every attempt")
    event: webhooks.Event
    subject: str = Field(description="The job's id or the crash's identifier")
    state: DeliveryState = Field(examples=[DeliveryState.DELIVERED.value])
    attempts: int
    created_at: Time
    next_at: Time | None
    delivered_at: Time | None
    last_status: int | None = Field(description="HTTP")
    last_error: str | None


@resource.post("", "createWebhook", "Tell a URL of events", status=201, about="Made", errors=(409,))
def create(app: App, body: webhooks.NewWebhook) -> NewWebhookBody:
    """Make a webhook; only this response has its secret."""
    made, secret = webhooks.create(services(), app, body)
    return NewWebhookBody.of(made, events=webhooks.events_of(made), secret=secret)


@resource.get("", "listWebhooks", "Webhooks of an app", about="Oldest first")
def list_all(app: App, paging: Paging) -> Page[WebhookBody]:
    """The webhooks of an app, oldest first."""
    return Page.of(webhooks.page(services(), app, paging.limit, paging.offset), paging, _webhook)


@resource.get(ONE, "showWebhook", "A webhook", about="The webhook")
def show(app: App, webhook_identifier: WebhookIdentifier) -> WebhookBody:
    """One webhook."""
    return _webhook(webhooks.find(services(), app, webhook_identifier))


@resource.patch(ONE, "changeWebhook", "Change url, events or active", about="The webhook")
def change(app: App, webhook_identifier: WebhookIdentifier, body: webhooks.WebhookChange) -> WebhookBody:
    """Change url, events or active."""
    return _webhook(webhooks.change(services(), app, webhook_identifier, body))


@resource.delete(ONE, "deleteWebhook", "Delete a webhook and its log", about="Deleted")
def remove(app: App, webhook_identifier: WebhookIdentifier) -> None:
    """Delete a webhook and its log."""
    webhooks.remove(services(), app, webhook_identifier)


@resource.get(f"{ONE}/deliveries", "listDeliveries", "What a webhook was told", about="Newest first")
def list_deliveries(app: App, webhook_identifier: WebhookIdentifier, paging: Paging) -> Page[DeliveryBody]:
    """The deliveries of a webhook, newest first."""
    rows = webhooks.delivery_page(services(), app, webhook_identifier, paging.limit, paging.offset)
    return Page.of(rows, paging, delivery_body)


@resource.post(
    f"{ONE}/deliveries/<delivery_id>/replay", "replayDelivery", "Send a delivery again",
    about="The delivery, pending again", errors=(409,),
)  # fmt: skip
def replay(app: App, webhook_identifier: WebhookIdentifier, delivery_id: DeliveryId) -> DeliveryBody:
    """Send a delivery again."""
    return delivery_body(webhooks.replay(services(), app, webhook_identifier, delivery_id))


def _webhook(webhook: Webhook) -> WebhookBody:
    return WebhookBody.of(webhook, events=webhooks.events_of(webhook))


def delivery_body(delivery: Delivery) -> DeliveryBody:
    """A delivery; `next_at` only while it is pending."""
    is_pending = delivery.state is DeliveryState.PENDING
    return DeliveryBody.of(delivery, id=str(delivery.id), next_at=delivery.next_at if is_pending else None)
