"""Slack: blocks to an incoming webhook.

Sources: docs.slack.dev, "Sending messages using incoming webhooks", "Blocks", "Text object", "Formatting message text". Slack
reads `&`, `<` and `>` in every text; they are escaped, which also stops `<!channel>`. Untrusted text is `plain_text`.
"""

from typing import Any

from app.config import Config
from app.notifications.channel_type import Outgoing, check_url, post_json, shorten_url
from app.notifications.message import Notice, fit
from app.webhooks.sending import Reply

LABEL = "Slack"
ADDRESS = "Webhook URL"
HINT = "From the Slack app's page “Incoming Webhooks”."
HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
MAX_HEADER, MAX_TEXT, MAX_FIELD, MAX_FIELDS = 150, 3_000, 2_000, 10
SHOWN_TITLE, SHOWN_FACT = 500, 200  # characters: enough to know it by

shorten = shorten_url


def check(config: Config, address: str) -> str:
    """A URL of Slack's."""
    return check_url(config, address, HOSTS)


def escape(text: str) -> str:
    """As Slack wants the three characters that it reads."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def body_of(message: Notice) -> dict[str, Any]:
    """The message in blocks; `text` is what a notification on a phone shows."""
    headline = f"{message.headline} in {message.app}"
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(headline, MAX_HEADER)}]
    if message.title:
        blocks.append({"type": "section", "text": _plain(message.title, SHOWN_TITLE)})
    if message.facts:
        facts = [_plain(f"{fact.label}: {fact.value}", SHOWN_FACT) for fact in message.facts[:MAX_FIELDS]]
        blocks.append({"type": "section", "fields": facts})
    for line in message.lines:
        fields = [_plain(f"{line.text} ({line.note})", SHOWN_TITLE)]
        blocks.append({"type": "section", "fields": fields + ([_link(line.link, "Open")] if line.link else [])})
    if message.more:
        blocks.append({"type": "section", "text": _plain(f"and {message.more} more", SHOWN_FACT)})
    if message.link:
        blocks.append({"type": "section", "text": _link(message.link, "Open in crashq")})
    return {"text": fit(message.subject, SHOWN_TITLE, escape), "blocks": blocks}


def send(out: Outgoing, message: Notice) -> Reply:
    """POST it."""
    return post_json(out, body_of(message))


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": fit(text, most, escape) or "-", "emoji": False}


def _link(url: str, label: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": f"<{escape(url)}|{label}>", "verbatim": True}
