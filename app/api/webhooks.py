"""Webhooks of an app, and the log of their deliveries."""

from typing import Any

from flask import Blueprint, Response, request

from app import accounts, iso_time
from app.api import answers
from app.api.context import services, user_id
from app.api.page_window import link_next, window
from app.api.request_values import json_object
from app.db.app import App
from app.db.webhook import Delivery, Webhook
from app.parameters import read_params
from app.push import webhooks

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/apps/<app_identifier>/webhooks")
ONE = "/<webhook_identifier>"


@blueprint.post("")
def create(app_identifier: str) -> Response:
    """Make a webhook; only this answer holds its secret."""
    app = _app(app_identifier)
    made, secret = webhooks.create(services(), app, read_params(webhooks.NewWebhook, json_object()))
    return answers.success({**_webhook_to_json(made), "secret": secret}, 201)


@blueprint.get("")
def list_all(app_identifier: str) -> Response:
    """The webhooks of an app, oldest first."""
    app, query = _app(app_identifier), request.args.to_dict()
    rows = webhooks.page(services(), app, *window(query))
    return link_next(answers.success([_webhook_to_json(row) for row in rows[: window(query)[0] - 1]]), rows, query)


@blueprint.get(ONE)
def show(app_identifier: str, webhook_identifier: str) -> Response:
    """One webhook."""
    return answers.success(_webhook_to_json(webhooks.find(services(), _app(app_identifier), webhook_identifier)))


@blueprint.patch(ONE)
def change(app_identifier: str, webhook_identifier: str) -> Response:
    """Change url, events or active."""
    app, wanted = _app(app_identifier), read_params(webhooks.WebhookChange, json_object())
    return answers.success(_webhook_to_json(webhooks.change(services(), app, webhook_identifier, wanted)))


@blueprint.delete(ONE)
def remove(app_identifier: str, webhook_identifier: str) -> Response:
    """Delete a webhook and its log."""
    webhooks.remove(services(), _app(app_identifier), webhook_identifier)
    return answers.bare_success()


@blueprint.get(f"{ONE}/deliveries")
def list_deliveries(app_identifier: str, webhook_identifier: str) -> Response:
    """The deliveries of a webhook, past and pending, newest first."""
    app, query = _app(app_identifier), request.args.to_dict()
    rows = webhooks.delivery_page(services(), app, webhook_identifier, *window(query))
    return link_next(answers.success([delivery_to_json(row) for row in rows[: window(query)[0] - 1]]), rows, query)


@blueprint.post(f"{ONE}/deliveries/<delivery_id>/replay")
def replay(app_identifier: str, webhook_identifier: str, delivery_id: str) -> Response:
    """Send a delivery again."""
    return answers.success(
        delivery_to_json(webhooks.replay(services(), _app(app_identifier), webhook_identifier, delivery_id))
    )


def _app(identifier: str) -> App:
    return accounts.app_for_user(services(), identifier, user_id())


def _webhook_to_json(webhook: Webhook) -> dict[str, Any]:
    return {
        "identifier": webhook.identifier,
        "url": webhook.url,
        "events": webhooks.events_of(webhook),
        "active": webhook.active,
        "disabled_reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since and iso_time.rfc3339(webhook.failing_since),
        "created_at": iso_time.rfc3339(webhook.created_at),
    }


def delivery_to_json(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": str(delivery.id),
        "event_id": delivery.event_id,
        "event": delivery.event,
        "subject": delivery.subject,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "created_at": iso_time.rfc3339(delivery.created_at),
        "next_at": iso_time.rfc3339(delivery.next_at) if delivery.state.value == "pending" else None,
        "delivered_at": delivery.delivered_at and iso_time.rfc3339(delivery.delivered_at),
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
    }
