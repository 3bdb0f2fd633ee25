"""Webhooks as their app's members make, change and replay them."""

import secrets
from typing import Any, Literal

from pydantic import Field

from app.db import AGAINST_CHANGES
from app.db.models.app import App
from app.db.models.audit_entry import record, with_names
from app.db.models.webhook import (
    EVENTS,
    Delivery,
    DeliveryState,
    Webhook,
    count_webhooks,
    deliveries_of,
    drop_webhook,
    find_delivery,
    find_webhook,
    give_up,
    webhooks_of,
)
from app.errors import Conflict, NotFound
from app.json_models import RequestBody
from app.queueing.broker import PUSH, UPKEEP
from app.services import Services
from app.webhooks.secret import encrypt_secret, new_secret
from app.webhooks.sending import MAX_URL, addresses_of, read_url

MOST_PER_APP = 20
MAX_ROW_ID = 2**63 - 1
INACTIVE = "The webhook is not active"
Event = Literal["job.finished", "job.failed", "crash.new", "crash.regressed"]


class NewWebhook(RequestBody):
    """What a webhook is made from."""

    url: str = Field(min_length=1, max_length=MAX_URL)
    events: list[Event] = Field(min_length=1, max_length=len(EVENTS))
    active: bool = True


class WebhookChange(RequestBody, change=True):
    """What of it is to be changed: only what is given."""

    url: str = Field(default="", min_length=1, max_length=MAX_URL)
    events: list[Event] = Field(default=[], min_length=1, max_length=len(EVENTS))
    active: bool = True


class WebhookNotFound(NotFound):
    """Unknown, or another app's."""

    code, message = "webhook_not_found", "Webhook not found"


class DeliveryNotFound(NotFound):
    """Unknown, another webhook's, or deleted for its age."""

    code, message = "delivery_not_found", "Delivery not found"


def create(services: Services, app: App, wanted: NewWebhook) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is returned only here. Raises Refused (400) or Conflict."""
    addresses_of(read_url(wanted.url), services.config.webhooks_allow)
    secret = new_secret()
    made = Webhook(
        identifier=secrets.token_hex(12),
        app_id=app.id,
        url=wanted.url,
        secret=encrypt_secret(services.config.secret_key, secret),
        active=wanted.active,
        created_at=services.now(),
        **_columns(wanted.events),
    )
    with services.db.write() as session:
        session.get(App, app.id, with_for_update=AGAINST_CHANGES)  # who counts at the same time waits
        if count_webhooks(session, app.id) >= MOST_PER_APP:
            raise Conflict(f"An app has at most {MOST_PER_APP} webhooks")
        session.add(made)
        record(session, app.id, "webhook.made", made.identifier, made.created_at)
        session.flush()
    return made, secret


def page(services: Services, app: App, limit: int, offset: int) -> list[Webhook]:
    """The webhooks of an app, oldest first."""
    with services.db.read() as session:
        return webhooks_of(session, app.id, limit, offset)


def find(services: Services, app: App, identifier: str) -> Webhook:
    """A webhook of the app. Raises NotFound."""
    with services.db.read() as session:
        found = find_webhook(session, app.id, _fit(identifier))
    if found is None:
        raise WebhookNotFound
    return found


def change(services: Services, app: App, identifier: str, wanted: WebhookChange) -> Webhook:
    """Change what is given; being made active forgets past failures. Raises NotFound or Refused."""
    given = wanted.model_fields_set
    if "url" in given:
        find(services, app, identifier)
        addresses_of(read_url(wanted.url), services.config.webhooks_allow)
    with services.db.write() as session:
        found = find_webhook(session, app.id, _fit(identifier), lock=True)
        if found is None:
            raise WebhookNotFound
        if "url" in given:
            found.url = wanted.url
        if "events" in given:
            for column, value in _columns(wanted.events).items():
                setattr(found, column, value)
        if "active" in given:
            found.active = wanted.active
            if wanted.active:
                found.disabled_reason = found.failing_since = None
            else:
                give_up(session, INACTIVE, found.id)
        if given:
            record(session, app.id, "webhook.changed", with_names(identifier, given), services.now())
        session.flush()
    return found


def remove(services: Services, app: App, identifier: str) -> None:
    """Delete a webhook with its deliveries. Raises NotFound."""
    with services.db.write() as session:
        found = find_webhook(session, app.id, _fit(identifier), lock=True)
        if found is None:
            raise WebhookNotFound
        drop_webhook(session, found.id)
        record(session, app.id, "webhook.removed", identifier, services.now())


def delivery_page(services: Services, app: App, identifier: str, limit: int, offset: int) -> list[Delivery]:
    """The deliveries of a webhook, newest first. Raises NotFound."""
    webhook = find(services, app, identifier)
    with services.db.read() as session:
        return deliveries_of(session, webhook.id, limit, offset)


def replay(services: Services, app: App, identifier: str, delivery_id: str) -> Delivery:
    """Send a delivery again, with the same event id, whatever came of it. Raises NotFound, or Conflict when inactive."""
    with services.db.write() as session:
        webhook = find_webhook(session, app.id, _fit(identifier), lock=True)
        if webhook is None:
            raise WebhookNotFound
        number = int(delivery_id) if delivery_id.isascii() and delivery_id.isdigit() and len(delivery_id) < 20 else 0
        delivery = find_delivery(session, webhook.id, number) if number <= MAX_ROW_ID else None
        if delivery is None:
            raise DeliveryNotFound
        if not webhook.active:
            raise Conflict(f"{INACTIVE}; make it active first")
        delivery.state, delivery.attempts, delivery.next_at = DeliveryState.PENDING, 0, services.now()
        delivery.delivered_at = None
        session.flush()
    services.broker.enqueue(PUSH, str(delivery.id), UPKEEP)
    return delivery


def events_of(webhook: Webhook) -> list[str]:
    """The events that a webhook receives."""
    return [event for event, column in EVENTS.items() if getattr(webhook, column.key)]


def _columns(events: list[Event]) -> dict[str, Any]:
    return {column.key: event in events for event, column in EVENTS.items()}


def _fit(identifier: str) -> str:
    """The same if it can be an identifier; else what none has, for the database does not take every text."""
    return identifier if identifier.isascii() and identifier.isalnum() else ""
