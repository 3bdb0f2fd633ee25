"""The OpenID provider by which people sign in to the console: its settings, read and checked together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import urlsplit

from app.errors import ConfigError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_ISSUER = 255  # characters
LIBRARIES = ("authlib", "requests")


@dataclass(frozen=True)
class OidcProvider:
    """An OpenID provider, and what its word is taken for."""

    issuer: str  # as its tokens name it, which is also where its configuration is found
    client_id: str
    client_secret: str = field(repr=False)
    name: str = "single sign-on"  # what the button says
    domains: tuple[str, ...] = ()  # of e-mails for which an account is made at the first sign-in; none: for nobody
    trusts_email: bool = False  # an e-mail counts as proved although the provider does not say `email_verified`


def read_oidc(environ: Mapping[str, str]) -> OidcProvider | None:
    """The provider of CRASHQ_OIDC_ISSUER, if there is one. Raises ConfigError naming what is wrong or missing."""
    issuer = environ.get("CRASHQ_OIDC_ISSUER", "").strip()
    if not issuer:
        return None
    if len(issuer) > MAX_ISSUER or not _is_safe(issuer):
        raise ConfigError(
            "CRASHQ_OIDC_ISSUER has to be https://…, or http://… on this machine, without ? and #, in 255 characters"
        )
    needed = {name: environ.get(name, "").strip() for name in ("CRASHQ_OIDC_CLIENT_ID", "CRASHQ_OIDC_CLIENT_SECRET")}
    missing = [name for name, value in needed.items() if not value]
    if not environ.get("CRASHQ_PUBLIC_URL"):
        missing.append("CRASHQ_PUBLIC_URL")  # the provider has to know where it leads back to
    if missing:
        raise ConfigError(f"CRASHQ_OIDC_ISSUER needs {' and '.join(missing)}")
    if not all(find_spec(name) for name in LIBRARIES):
        raise ConfigError("CRASHQ_OIDC_ISSUER needs libraries: pip install 'crashq[oidc]'")
    trusts = environ.get("CRASHQ_OIDC_TRUST_EMAIL", "").strip() or "0"
    if trusts not in ("0", "1"):
        raise ConfigError("CRASHQ_OIDC_TRUST_EMAIL has to be 0 or 1")
    return OidcProvider(
        issuer=issuer,
        client_id=needed["CRASHQ_OIDC_CLIENT_ID"],
        client_secret=needed["CRASHQ_OIDC_CLIENT_SECRET"],
        name=environ.get("CRASHQ_OIDC_NAME", "").strip()[:60] or OidcProvider.name,
        domains=_domains(environ.get("CRASHQ_OIDC_DOMAINS", "")),
        trusts_email=trusts == "1",
    )


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    is_plain = parts.username is None and not parts.query and not parts.fragment
    return (
        is_whole and is_plain and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))
    )


def _domains(text: str) -> tuple[str, ...]:
    found = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    if any("." not in name or "@" in name or "*" in name for name in found):
        raise ConfigError("CRASHQ_OIDC_DOMAINS has to be domains of e-mails, like example.com,example.org")
    return found
