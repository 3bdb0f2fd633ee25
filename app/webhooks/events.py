"""Tells webhooks of events: JSON, signed as Standard Webhooks has it."""

import json
from typing import Any

from app import iso_time
from app.db.models.app import App
from app.db.models.webhook import Delivery, Webhook
from app.services import Services
from app.webhooks.result import Result
from app.webhooks.secret import SecretUnreadable, decrypt_secret, sign
from app.webhooks.sending import NotDelivered, Refused, Resolve, post


class EventSender:
    """Sends each event in a request of its own."""

    def __init__(self, services: Services, webhook: Webhook, app: App, resolve: Resolve) -> None:
        self._services = services
        self._webhook = webhook
        self._app = app
        self._resolve = resolve

    def parcels(self, due: list[Delivery]) -> list[list[Delivery]]:
        """Each delivery by itself."""
        return [[delivery] for delivery in due]

    def send(self, parcel: list[Delivery]) -> Result:
        """Make one attempt."""
        [delivery] = parcel
        config, body = self._services.config, body_of(delivery, self._app.identifier)
        timestamp = int(self._services.now().timestamp())
        try:
            secret = decrypt_secret(config.secret_key, self._webhook.secret)
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "crashq-webhooks",
                "webhook-id": delivery.event_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": sign(secret, delivery.event_id, timestamp, body),
            }
            return Result.of(post(self._webhook.url, body, headers, config.webhooks_allow, self._resolve))
        except (SecretUnreadable, Refused) as error:
            return Result(None, error.message)
        except NotDelivered as error:
            return Result(None, str(error))


def body_of(delivery: Delivery, app: str) -> bytes:
    """What is sent: the same bytes at every attempt, with ids only."""
    about = "crash_identifier" if delivery.event.startswith("crash.") else "job_id"
    event: dict[str, Any] = {
        "type": delivery.event,
        "timestamp": iso_time.rfc3339(delivery.created_at),
        "data": {"app_identifier": app, about: delivery.subject},
    }
    return json.dumps(event, separators=(",", ":")).encode()
