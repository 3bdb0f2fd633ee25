"""Microsoft Teams: an Adaptive Card to a webhook of Workflows.

Sources: learn.microsoft.com, "Create incoming webhooks with Workflows", "Cards reference"; adaptivecards.io, schema 1.4. Of its
texts only TextRun is never read as Markdown, so all text is in these. A mention needs an entity, and there is none.
"""

from typing import Any

from app.config import Config
from app.notifications.channel_type import Outgoing, check_url, post_json, shorten_url
from app.notifications.message import Notice, clip
from app.webhooks.sending import Reply

LABEL = "Microsoft Teams"
ADDRESS = "Webhook URL"
HINT = "From Workflows, “Send webhook alerts to a channel”."
MAX_BODY = 28 * 1024  # bytes of a message
SHOWN_TITLE, SHOWN_FACT, SHOWN_LINE = 500, 200, 200  # characters, of up to six bytes each as JSON

shorten = shorten_url


def check(config: Config, address: str) -> str:
    """Any URL that may be reached: Microsoft has changed the hosts of Workflows before."""
    return check_url(config, address)


def body_of(message: Notice) -> dict[str, Any]:
    """The message as an attachment that is an Adaptive Card."""
    headline = _run(f"{message.headline} in {message.app}", SHOWN_FACT, size="Large", weight="Bolder")
    rows = [[headline]]
    if message.title:
        rows.append([_run(message.title, SHOWN_TITLE, fontType="Monospace")])
    for fact in message.facts:
        rows.append([_run(f"{fact.label}: ", SHOWN_FACT, weight="Bolder"), _run(fact.value, SHOWN_FACT)])
    for line in message.lines:
        linked = {"selectAction": {"type": "Action.OpenUrl", "url": line.link}} if line.link else {}
        rows.append([_run(line.text, SHOWN_LINE, **linked), _run(f" ({line.note})", SHOWN_LINE, isSubtle=True)])
    if message.more:
        rows.append([_run(f"and {message.more} more", SHOWN_FACT, isSubtle=True)])
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "RichTextBlock", "inlines": runs} for runs in rows],
    }
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open in crashq", "url": message.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def send(out: Outgoing, message: Notice) -> Reply:
    """POST it."""
    return post_json(out, body_of(message))


def _run(text: str, most: int, **style: Any) -> dict[str, Any]:
    kept = clip(text, most) if text.strip() else ""
    begin, end = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return {"type": "TextRun", "text": f"{begin}{kept}{end}" if kept else "-", **style}
