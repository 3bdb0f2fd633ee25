"""Mattermost: an attachment to an incoming webhook, often on a private network.

Sources: developers.mattermost.com, "Incoming webhooks", "Message attachments"; docs.mattermost.com, "Format messages". Texts are
Markdown, in which a backslash takes the meaning from a sign; `@` and `<!` notify people, so that a character without width
follows them; `|` would make a link of `<address|text>`, and is replaced.
"""

import re
from typing import Any

from app.config import Config
from app.notifications.channel_type import Outgoing, check_url, post_json, shorten_url
from app.notifications.message import Notice, fit, markdown_of
from app.webhooks.sending import Reply

LABEL = "Mattermost"
ADDRESS = "Webhook URL"
HINT = "From the menu “Integrations”, “Incoming Webhooks”."
MAX_POST = 16_383  # characters of a whole post
SHOWN_TITLE, SHOWN_FACT, SHOWN_LINE = 1_000, 200, 250
MARKUP = re.compile(r"[\\*_~`>#\[\]()<:+!-]")
COLOR = "#D64545"

shorten = shorten_url


def check(config: Config, address: str) -> str:
    """Any URL that may be reached."""
    return check_url(config, address)


def escape(text: str) -> str:
    """Without Markdown, links and mentions."""
    escaped = MARKUP.sub(r"\\\g<0>", text.replace("|", "¦"))
    return escaped.replace("@", "@\u200b").replace("<", "<\u200b")


def body_of(message: Notice) -> dict[str, Any]:
    """The message as one attachment."""
    headline = fit(f"{message.headline} in {message.app}", SHOWN_FACT, escape)
    attachment: dict[str, Any] = {
        "fallback": fit(message.subject, SHOWN_TITLE, escape),
        "color": COLOR,
        "title": headline,
        "text": markdown_of(message, SHOWN_TITLE, SHOWN_LINE, escape),
        "fields": [
            {"short": True, "title": fact.label, "value": fit(fact.value, SHOWN_FACT, escape) or "-"}
            for fact in message.facts
        ],
    }
    if message.link:
        attachment["title_link"] = message.link
    return {"attachments": [attachment]}


def send(out: Outgoing, message: Notice) -> Reply:
    """POST it."""
    return post_json(out, body_of(message))
