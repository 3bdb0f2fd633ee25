"""Webhook: JSON, signed as Standard Webhooks has it."""

import json
from typing import Any

from app.config import Config
from app.notifications.channel_type import AGENT, Outgoing, check_url, shorten_url
from app.notifications.message import Notice
from app.webhooks.secret import sign
from app.webhooks.sending import Reply, post

LABEL = "Webhook"
ADDRESS = "URL"
HINT = "Receives JSON that is signed as in Standard Webhooks."

shorten = shorten_url


def check(config: Config, address: str) -> str:
    """Any URL that may be reached."""
    return check_url(config, address)


def body_of(message: Notice) -> dict[str, Any]:
    """All that the message says."""
    data = {
        "app_identifier": message.app_identifier,
        "app": message.app,
        "headline": message.headline,
        "crash_identifier": message.crash_identifier,
        "title": message.title,
        "facts": [{"label": fact.label, "value": fact.value} for fact in message.facts],
        "crashes": [{"title": line.text, "note": line.note, "url": line.link} for line in message.lines],
        "more": message.more,
        "url": message.link,
    }
    return {"type": message.event, "timestamp": message.timestamp, "data": data}


def send(out: Outgoing, message: Notice) -> Reply:
    """POST it, signed."""
    body = json.dumps(body_of(message), separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "webhook-id": message.event_id,
        "webhook-timestamp": str(out.timestamp),
        "webhook-signature": sign(out.secret, message.event_id, out.timestamp, body),
    }
    return post(out.address, body, headers, out.config.webhooks_allow, out.resolve)
