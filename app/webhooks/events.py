"""Tells webhooks of events: JSON, signed as Standard Webhooks has it."""

import json
from typing import Any

from app import iso_time
from app.db.models.app import App
from app.db.models.webhook import REGRESSED, Delivery, Webhook, keep_body
from app.db.queries.webhook_events import facts_of_event
from app.jobs.report_making import rules_of
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
        config, body = self._services.config, self._body(delivery).encode()
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

    def _body(self, delivery: Delivery) -> str:
        """What the first attempt has sent or is about to send: title and version may be others by the next one."""
        if not delivery.event.startswith("crash."):
            return body_of(delivery, self._app.identifier)
        if delivery.body is not None:
            return delivery.body
        public_url = self._services.config.public_url
        with self._services.db.read() as session:
            rules, _ = rules_of(session, self._app.id)
            entry = int(delivery.period) if delivery.event == REGRESSED else None
            found = facts_of_event(session, self._app.id, delivery.subject, entry)
        more = {
            "title": found.title and rules.text(found.title),
            "app": self._app.name,
            "version": found.version and rules.text(found.version),
            "link": f"{public_url}/crashes/{delivery.subject}" if public_url else None,
        }
        body = body_of(delivery, self._app.identifier, more)
        with self._services.db.write() as session:
            keep_body(session, delivery.id, body)
        return body


def body_of(delivery: Delivery, app: str, more: dict[str, str | None] | None = None) -> str:
    """What is sent: the same bytes at every attempt."""
    about = "crash_identifier" if delivery.event.startswith("crash.") else "job_id"
    event: dict[str, Any] = {
        "type": delivery.event,
        "timestamp": iso_time.rfc3339(delivery.created_at),
        "data": {"app_identifier": app, about: delivery.subject, **(more or {})},
    }
    return json.dumps(event, separators=(",", ":"))
