"""Webhooks as their app's members make, change and replay them, and the secrets that deliveries are signed with."""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Any, Literal

from pydantic import Field

from app.db.models.app import App
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
from app.errors import AppError, Conflict, NotFound
from app.identity import encryption
from app.json_models import RequestBody
from app.queueing.broker import PUSH, UPKEEP
from app.services import Services
from app.webhooks.sending import MAX_URL, addresses_of, read_url

PREFIX = "whsec_"
SECRET_BYTES = 32
PURPOSE = b"crashq webhook secrets"
MOST_PER_APP = 20
MAX_ROW_ID = 2**63 - 1
INACTIVE = "The webhook is not active"
Event = Literal["job.finished", "job.failed", "crash.new"]


class SecretUnreadable(AppError):
    """SECRET_KEY is another one than when the webhook was made."""

    code, message = "secret_unreadable", "The secret cannot be read, for SECRET_KEY has changed; make the webhook anew"


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64, as the receiver keeps it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def encrypt_secret(secret_key: str, secret: str) -> str:
    """The secret, encrypted with a key derived from SECRET_KEY, as text."""
    return encryption.encrypt(secret_key, PURPOSE, secret)


def decrypt_secret(secret_key: str, encrypted: str) -> str:
    """The secret that `encrypt_secret` was given. Raises SecretUnreadable."""
    try:
        return encryption.decrypt(secret_key, PURPOSE, encrypted)
    except encryption.Unreadable:
        raise SecretUnreadable from None


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, as Standard Webhooks has it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise SecretUnreadable from None
    signed = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()


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
        session.get(App, app.id, with_for_update=True)  # who counts at the same time waits
        if count_webhooks(session, app.id) >= MOST_PER_APP:
            raise Conflict(f"An app has at most {MOST_PER_APP} webhooks")
        session.add(made)
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
        session.flush()
    return found


def remove(services: Services, app: App, identifier: str) -> None:
    """Delete a webhook with its deliveries. Raises NotFound."""
    with services.db.write() as session:
        found = find_webhook(session, app.id, _fit(identifier), lock=True)
        if found is None:
            raise WebhookNotFound
        drop_webhook(session, found.id)


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
