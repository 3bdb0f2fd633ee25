"""E-mail: plain text and HTML, with a link by which who receives it ends it.

Sources: RFC 5322 (form), RFC 2369 (List-Unsubscribe), RFC 8058 (one click).
"""

from html import escape

from app.config import Config
from app.errors import Conflict
from app.mail import Mail, MailNotSent, MailNotSet, mail_address, send_mail
from app.notifications.channel_type import Outgoing
from app.notifications.message import Notice, clip
from app.webhooks.sending import NotDelivered, Reply

LABEL = "E-mail"
ADDRESS = "E-mail address"
HINT = "Each mail has a link that ends them."
SHOWN_TITLE = 500  # characters
STYLE = "font-family:sans-serif;font-size:15px;line-height:1.5"
TITLE_STYLE = "font-family:monospace;font-size:15px"


class NoPublicUrl(Conflict):
    """Mails need links that lead here from anywhere."""

    code, message = "public_url_not_set", "Mails need CRASHQ_PUBLIC_URL, which the operator has not set"


def check(config: Config, address: str) -> str:
    """An e-mail address, where mails can be sent."""
    if not config.smtp_url:
        raise MailNotSet
    if not config.public_url:
        raise NoPublicUrl
    return mail_address(address)


def shorten(address: str) -> str:
    """`ad…@example.com`."""
    local, _, domain = address.rpartition("@")
    return f"{local[: 2 if len(local) > 3 else 1]}…@{domain}"


def mail_of(message: Notice, to: str, unsubscribe: str) -> Mail:
    """The whole mail."""
    headers = {
        "List-Unsubscribe": f"<{unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f"crashq notifications <{message.app_identifier}.notifications.crashq>",
    }
    return Mail(to, clip(message.subject, 150), _text(message, unsubscribe), _html(message, unsubscribe), headers)


def send(out: Outgoing, message: Notice) -> Reply:
    """Hand it to the mail server."""
    try:
        return Reply(send_mail(out.config, mail_of(message, out.address, out.unsubscribe)))
    except MailNotSent as error:
        raise NotDelivered(str(error), error.status) from None
    except MailNotSet as error:
        raise NotDelivered(error.message) from None


def _text(message: Notice, unsubscribe: str) -> str:
    rows = [f"{message.headline} in {clip(message.app, SHOWN_TITLE)}", ""]
    if message.title:
        rows += [clip(message.title, SHOWN_TITLE), ""]
    rows += [f"{fact.label}: {clip(fact.value, SHOWN_TITLE)}" for fact in message.facts]
    for line in message.lines:
        rows += [f"- {clip(line.text, SHOWN_TITLE)} ({line.note})", *([f"  {line.link}"] if line.link else [])]
    rows += [f"and {message.more} more"] if message.more else []
    rows += ["", message.link] if message.link else []
    return "\n".join([*rows, "", "-- ", f"No more of these mails: {unsubscribe}", ""])


def _html(message: Notice, unsubscribe: str) -> str:
    parts = [f"<h1 style='font-size:20px'>{_safe(f'{message.headline} in {message.app}')}</h1>"]
    if message.title:
        parts.append(f"<p style='{TITLE_STYLE}'>{_safe(message.title)}</p>")
    facts = [f"<li>{escape(fact.label)}: {_safe(fact.value)}</li>" for fact in message.facts]
    lines = [f"<li>{_link(line.link, _safe(line.text))} ({escape(line.note)})</li>" for line in message.lines]
    parts += [f"<ul>{''.join(items)}</ul>" for items in (facts, lines) if items]
    if message.more:
        parts.append(f"<p>and {message.more} more</p>")
    if message.link:
        parts.append(f"<p>{_link(message.link, 'Open in crashq')}</p>")
    parts.append(f"<p style='font-size:13px'>{_link(unsubscribe, 'No more of these mails')}</p>")
    return f"<!doctype html><html lang='en'><body style='{STYLE}'>{''.join(parts)}</body></html>"


def _safe(text: str) -> str:
    return escape(clip(text, SHOWN_TITLE))


def _link(url: str | None, inner: str) -> str:
    return f"<a href='{escape(url)}'>{inner}</a>" if url else inner
