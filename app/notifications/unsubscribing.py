"""Signed links by which who receives mails ends them, without a login: of one address and one channel."""

import hashlib

from itsdangerous import BadSignature, URLSafeSerializer

from app.acting import NOBODY
from app.db.models.audit_entry import record
from app.db.models.channel import NotificationChannel, find_channel
from app.db.models.webhook import Webhook, give_up
from app.errors import NotFound
from app.identity import encryption
from app.notifications.addresses import decrypt_address
from app.services import Services

PATH = "/notifications/unsubscribe"
SALT = "crashq unsubscribe"
REASON = "Who receives it has ended it"


class LinkNotValid(NotFound):
    """Not signed here, or of a channel that is gone or has another address by now."""

    code, message = "link_not_valid", "This link is not valid any more"


def unsubscribe_link(services_key: str, public_url: str, identifier: str, address: str) -> str:
    """The whole URL."""
    return f"{public_url}{PATH}/{_serializer(services_key).dumps([identifier, _hash(address)])}"


def subscription(services: Services, signed: str) -> tuple[Webhook, NotificationChannel]:
    """The channel of a link. Raises LinkNotValid."""
    try:
        identifier, hashed = _serializer(services.config.secret_key).loads(signed)
    except (BadSignature, ValueError):
        raise LinkNotValid from None
    with services.db.read() as session:
        found = find_channel(session, str(identifier))
    if found is None or _hash(_address(services, found[1])) != hashed:
        raise LinkNotValid
    return found


def unsubscribe(services: Services, signed: str) -> None:
    """End the mails of the link's channel to its address. Safe to call twice. Raises LinkNotValid."""
    webhook, _ = subscription(services, signed)
    with services.db.write() as session:
        found = find_channel(session, webhook.identifier, lock=True)
        if found is None:
            raise LinkNotValid
        hook, channel = found
        if channel.unsubscribed_at is None:
            channel.unsubscribed_at = services.now()
            hook.active, hook.disabled_reason = False, REASON
            give_up(session, REASON, hook.id)
            record(session, hook.app_id, "notification.unsubscribed", hook.identifier, services.now(), NOBODY)


def _address(services: Services, channel: NotificationChannel) -> str:
    try:
        return decrypt_address(services.config.secret_key, channel.address)
    except encryption.Unreadable:
        return ""


def _hash(address: str) -> str:
    return hashlib.sha256(address.casefold().encode()).hexdigest()[:24]


def _serializer(secret_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt=SALT)
