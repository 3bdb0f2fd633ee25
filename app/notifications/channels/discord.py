"""Discord: an embed to a channel's webhook.

Sources: discord.com/developers, "Execute Webhook", "Embed Limits", "Allowed Mentions Object"; Discord's help, "Markdown Text".
`allowed_mentions` lets nobody be notified, and a backslash takes its meaning from every sign of Markdown.
"""

import re
from typing import Any

from app.config import Config
from app.notifications.channel_type import Outgoing, check_url, post_json, shorten_url
from app.notifications.message import Notice, clip, fit, markdown_of
from app.webhooks.sending import Reply

LABEL = "Discord"
ADDRESS = "Webhook URL"
HINT = "From the channel's settings, “Integrations”, “Webhooks”."
HOSTS = ("discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com")
MAX_TITLE, MAX_DESCRIPTION, MAX_FIELDS, MAX_NAME, MAX_VALUE, MAX_TOTAL = 256, 4_096, 25, 256, 1_024, 6_000
SHOWN_TITLE, SHOWN_FACT, SHOWN_LINE = 1_000, 200, 250  # characters; all of them together stay below MAX_TOTAL
MARKUP = re.compile(r"[\\*_~`|>#\[\]()<:+!-]")
COLOR = 0xD64545

shorten = shorten_url


def check(config: Config, address: str) -> str:
    """A URL of Discord's."""
    return check_url(config, address, HOSTS)


def escape(text: str) -> str:
    """Without Markdown and mentions."""
    return MARKUP.sub(r"\\\g<0>", text).replace("@", "@\u200b")


def body_of(message: Notice) -> dict[str, Any]:
    """The message as one embed."""
    embed: dict[str, Any] = {
        "title": fit(f"{message.headline} in {message.app}", MAX_TITLE, escape),
        "color": COLOR,
        "timestamp": message.timestamp,
        "fields": [
            {"name": clip(fact.label, MAX_NAME), "value": fit(fact.value, SHOWN_FACT, escape) or "-", "inline": True}
            for fact in message.facts[:MAX_FIELDS]
        ],
    }
    if text := markdown_of(message, SHOWN_TITLE, SHOWN_LINE, escape):
        embed["description"] = text
    if message.link:
        embed["url"] = message.link
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def send(out: Outgoing, message: Notice) -> Reply:
    """POST it."""
    return post_json(out, body_of(message))
