"""What each module of app/notifications/channels declares, and what it sends with."""

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.config import Config
from app.errors import BadParameters
from app.identity import encryption
from app.notifications.message import Notice
from app.webhooks.sending import Refused, Reply, Resolve, addresses_of, post, read_url

AGENT = "crashq-notifications"
SHOWN = 4  # characters of the end of an address, by which people tell one from another
ADDRESSES = b"crashq addresses of channels"  # the purpose of the key that they are encrypted with


@dataclass(frozen=True)
class Outgoing:
    """What a message is sent with."""

    config: Config
    resolve: Resolve
    address: str = field(repr=False)
    secret: str = field(repr=False)  # what a webhook's messages are signed with; else empty
    unsubscribe: str = field(repr=False)  # the link by which who receives mails ends them; else empty
    timestamp: int  # seconds


class ChannelType(Protocol):
    """One kind of channel; its name is the module's."""

    LABEL: str
    ADDRESS: str  # what its address is called
    HINT: str  # where people find the address

    @property
    def check(self) -> Callable[[Config, str], str]:
        """The address as it is kept. Raises BadParameters, or MailNotSet."""

    @property
    def shorten(self) -> Callable[[str], str]:
        """As much of an address as may be shown."""

    @property
    def send(self) -> Callable[[Outgoing, Notice], Reply]:
        """Send the message. Raises Refused, SecretUnreadable or NotDelivered."""


def check_url(config: Config, address: str, hosts: tuple[str, ...] = ()) -> str:
    """The address, a URL of one of the hosts, or of any that CRASHQ_WEBHOOKS_ALLOW names. Raises Refused."""
    target = read_url(address)
    host, allowed = target.host.lower().rstrip("."), config.webhooks_allow
    if hosts and not (target.scheme == "https" and host in hosts) and not is_allowed(host, allowed):
        raise Refused(f"address is not a URL of https://{hosts[0]}")
    addresses_of(target, allowed)
    return address


def is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """True when the operator allows the host by its name, or its address by a network."""
    if host in allowed:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any("/" in name and address in ipaddress.ip_network(name) for name in allowed)


def shorten_url(address: str) -> str:
    """Host and last characters: `hooks.slack.com/…aB3x`."""
    try:
        target = read_url(address)
    except BadParameters:
        return "…"
    return f"{target.host_header}/…{target.path[-SHOWN:] if len(target.path) > 4 * SHOWN else ''}"


def post_json(out: Outgoing, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
    """POST the body as JSON to the address."""
    given = {"Content-Type": "application/json", "User-Agent": AGENT, **(headers or {})}
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode()
    return post(out.address, text, given, out.config.webhooks_allow, out.resolve)


def encrypt_address(secret_key: str, address: str) -> str:
    """The address, encrypted with a key derived from SECRET_KEY, as text."""
    return encryption.encrypt(secret_key, ADDRESSES, address)


def decrypt_address(secret_key: str, encrypted: str) -> str:
    """The address that `encrypt_address` was given. Raises Unreadable."""
    return encryption.decrypt(secret_key, ADDRESSES, encrypted)
