"""Signed links by which who receives mails ends them, without a login: of one address and one channel."""

import hashlib
import hmac
from typing import NamedTuple

from itsdangerous import BadSignature, URLSafeSerializer

from app.acting import NOBODY
from app.db import Session
from app.db.models.audit_entry import record
from app.db.models.channel import NotificationChannel, find_channel
from app.db.models.unsubscription import (
    add_unsubscription,
    drop_unsubscription,
    find_unsubscription,
    has_unsubscribed,
)
from app.db.models.webhook import Webhook, give_up
from app.errors import NotFound
from app.identity import encryption
from app.mail import mailbox
from app.notifications.channel_type import decrypt_address
from app.services import Services

PATH = "/notifications/unsubscribe"
SALT = "crashq unsubscribe"
REASON = "Who receives it has ended it"


class LinkNotValid(NotFound):
    """Not signed here, or of a channel that is gone or has another address by now."""

    code, message = "link_not_valid", "This link is not valid any more"


class Subscription(NamedTuple):
    """What a link is for."""

    app_id: int
    address: str  # shortened
    is_over: bool


def unsubscribe_link(services_key: str, public_url: str, identifier: str, address: str) -> str:
    """The whole URL."""
    return f"{public_url}{PATH}/{_serializer(services_key).dumps([identifier, _hash(address)])}"


def subscription(services: Services, signed: str) -> Subscription:
    """What a link is for, also of a channel that is gone if its mails were ended. Raises LinkNotValid."""
    identifier, hashed = _read(services, signed)
    with services.db.read() as session:
        found = find_channel(session, identifier)
        ended = find_unsubscription(session, identifier, _keyed(services, hashed))
    if found is not None and _hash(_address(services, found[1])) == hashed:
        hook, channel = found
        return Subscription(hook.app_id, hook.url, channel.unsubscribed_at is not None)
    if ended is None:
        raise LinkNotValid
    return Subscription(ended.app_id, "This address", is_over=True)


def unsubscribe(services: Services, signed: str) -> None:
    """End the mails of the link's channel to its address. Safe to call twice. Raises LinkNotValid."""
    if subscription(services, signed).is_over:
        return
    (identifier, hashed), now = _read(services, signed), services.now()
    with services.db.write() as session:
        hook, channel = _locked(services, session, identifier, hashed) or (None, None)
        if hook is None or channel is None:
            raise LinkNotValid
        if channel.unsubscribed_at is None:
            channel.unsubscribed_at = now
            hook.active, hook.disabled_reason = False, REASON
            give_up(session, REASON, hook.id)
            add_unsubscription(session, hook.app_id, identifier, _keyed(services, hashed), now)
            record(session, hook.app_id, "notification.unsubscribed", identifier, now, NOBODY)


def subscribe_again(services: Services, signed: str) -> None:
    """Undo it for this link; other channels' ends stay. Safe to call twice. Raises LinkNotValid."""
    wanted = subscription(services, signed)
    if not wanted.is_over:
        return
    identifier, hashed = _read(services, signed)
    with services.db.write() as session:
        drop_unsubscription(session, identifier, _keyed(services, hashed))
        hook, channel = _locked(services, session, identifier, hashed) or (None, None)
        if hook is not None and channel is not None and channel.unsubscribed_at is not None:
            channel.unsubscribed_at = None
            hook.active, hook.disabled_reason, hook.failing_since = True, None, None
        record(session, wanted.app_id, "notification.subscribed", identifier, services.now(), NOBODY)


def has_ended(services: Services, session: Session, app_id: int, address: str) -> bool:
    """Whether who receives mails at the address has ended those of a channel of the app."""
    return has_unsubscribed(session, app_id, _keyed(services, _hash(address)))


def _read(services: Services, signed: str) -> tuple[str, str]:
    try:
        identifier, hashed = _serializer(services.config.secret_key).loads(signed)
    except (BadSignature, ValueError):
        raise LinkNotValid from None
    return str(identifier), str(hashed)


def _locked(
    services: Services, session: Session, identifier: str, hashed: str
) -> tuple[Webhook, NotificationChannel] | None:
    """The channel of a link, unless it has another address by now."""
    found = find_channel(session, identifier, lock=True)
    return found if found is not None and _hash(_address(services, found[1])) == hashed else None


def _address(services: Services, channel: NotificationChannel) -> str:
    try:
        return decrypt_address(services.config.secret_key, channel.address)
    except encryption.Unreadable:
        return ""


def _hash(address: str) -> str:
    return hashlib.sha256(mailbox(address).encode()).hexdigest()[:24]


def _keyed(services: Services, hashed: str) -> str:
    """What is stored of an address: without SECRET_KEY nobody can try addresses."""
    return hmac.new(services.config.secret_key.encode(), f"{SALT}:{hashed}".encode(), hashlib.sha256).hexdigest()


def _serializer(secret_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt=SALT)
