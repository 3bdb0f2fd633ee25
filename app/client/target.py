"""Where the server is, and whether secrets may be sent there."""

import ipaddress
from urllib.parse import urlsplit

from app.client.errors import BadAnswer, NotAllowed

IN_THE_OPEN = "A token would go there over plain http, for everybody on the way to read"


def read_base(url: str, *, insecure: bool) -> str:
    """The URL without a slash at its end. Raises NotAllowed for what is no URL, and for http to other machines."""
    wrong = NotAllowed(f"{_printable(url)} is not the URL of a server", "Write it as https://crashes.example.com")
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or parts.query or parts.fragment:
        raise wrong
    if any(ord(sign) <= 32 for sign in url.strip()):
        raise wrong
    if parts.scheme == "http" and not insecure and not is_loopback(host):
        raise NotAllowed(IN_THE_OPEN, "Use https, or allow it on purpose (--insecure, insecure=True)")
    return url.strip().rstrip("/")


def check_link(link: str, *, insecure: bool) -> None:
    """Raises BadAnswer unless a signed link, which is a secret as well, may be followed."""
    try:
        parts = urlsplit(link)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise BadAnswer("The server gave a link that is no URL") from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise BadAnswer("The server gave a link that is no URL")
    if any(not 32 < ord(sign) < 127 for sign in link):
        raise BadAnswer("The server gave a link that is no URL")
    if parts.scheme == "http" and not insecure and not is_loopback(host):
        raise BadAnswer(
            "The server gave a link over plain http, for everybody on the way to read",
            "Its operator sets the address of links (CRASHQ_PUBLIC_URL)",
        )


def is_loopback(host: str) -> bool:
    """True for this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _printable(url: str) -> str:
    """A URL as far as it may be shown: what stands before an @ may be a password."""
    return url.rpartition("@")[2][:200]
