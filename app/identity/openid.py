"""Signing in by an OpenID provider: the authorization code flow with PKCE, and whose account it is.

Authlib speaks OAuth 2.0 and checks the claims, joserfc the signature; both are imported when somebody signs in.
"""

import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from app.acting import Actor
from app.db import AGAINST_CHANGES, Session
from app.db.models.audit_entry import record
from app.db.models.external_identity import MAX_SUBJECT, add_identity, find_identity, has_identity
from app.db.models.user import User, find_user
from app.errors import BadParameters, Conflict, TransientError, Unauthorized
from app.identity.accounts import checked_email, hashed_password, insert_session, insert_user
from app.oidc_settings import OidcProvider
from app.services import Services

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

AT_ONCE = 4  # requests of a process that wait for the provider; one more has to try again
KEPT_FOR = 3_600  # seconds that the provider's configuration and keys are kept
LEEWAY = 60  # seconds by which its clock may be off
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Of ID tokens: those with a public key. `none`, and secrets that both sides share, are never taken."""

NOT_PROVED = "Your e-mail is not proved there, so it leads to no account here"
AGAIN = "The account has just been changed; sign in again"
ANOTHER = "The account with your e-mail belongs to somebody else there; ask the operator (crashq user unlink)"
NO_ACCOUNT = "There is no account with your e-mail yet; an owner of an app can invite you"

_places = threading.BoundedSemaphore(AT_ONCE)
_known: dict[str, tuple[float, dict[str, Any]]] = {}  # URL -> until when, document

log = structlog.get_logger()


@dataclass(frozen=True)
class Pending:
    """A sign-in that has begun. The browser keeps it, signed, until the provider leads back."""

    state: str
    nonce: str
    verifier: str


def begin(provider: OidcProvider, callback: str) -> tuple[str, Pending]:
    """The provider's page to be led to, and what has to come back with the answer. Raises TransientError."""
    pending = Pending(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
    with _asking(provider) as client:
        url, _ = client.create_authorization_url(
            _endpoint(client, provider, "authorization_endpoint"), state=pending.state, nonce=pending.nonce,
            code_verifier=pending.verifier, redirect_uri=callback,
        )  # fmt: skip
    return str(url), pending


def finish(
    services: Services, provider: OidcProvider, pending: Pending, answer: Mapping[str, str], callback: str
) -> str:
    """The token of a new session, for the user of whom the provider's answer tells.

    Raises Unauthorized, with a sentence for them, or TransientError where the provider does not answer.
    """
    is_ours = secrets.compare_digest(answer.get("state", "").encode(), pending.state.encode())
    if not is_ours or answer.get("iss", provider.issuer) != provider.issuer:
        raise Unauthorized("This sign-in was not begun here, or has ended; begin again")
    if not answer.get("code"):
        raise Unauthorized("The sign-in was refused or cancelled there")
    with _asking(provider) as client:
        claims = _claims(client, provider, pending, answer["code"], callback)
    return _session_of(services, provider, claims)


@contextmanager
def _asking(provider: OidcProvider) -> "Iterator[OAuth2Session]":
    """A client of the provider. What goes wrong with its answers is a sentence for the user, and a line without content."""
    from authlib.common.errors import AuthlibBaseError  # of an extra, and 0.1 s that only a sign-in needs
    from authlib.integrations.requests_client import OAuth2Session
    from joserfc.errors import JoseError
    from requests import RequestException

    from app.identity.openid_transport import BoundedAdapter

    if not _places.acquire(blocking=False):
        raise TransientError("Many sign in at once; try again in a few seconds")
    try:
        with OAuth2Session(
            provider.client_id, provider.client_secret, scope="openid email", code_challenge_method="S256"
        ) as client:
            client.mount("https://", BoundedAdapter())
            client.mount("http://", BoundedAdapter())
            yield client
    except RequestException as error:
        log.warning("openid_unavailable", error=type(error).__name__)
        raise TransientError(f"The sign-in with {provider.name} does not answer; try again later") from error
    except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("openid_refused", error=type(error).__name__)
        raise Unauthorized(f"What {provider.name} answered is not valid; begin again, or tell the operator") from error
    finally:
        _places.release()


def _claims(
    client: "OAuth2Session", provider: OidcProvider, pending: Pending, code: str, callback: str
) -> dict[str, Any]:
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    if "client_secret_basic" not in _configuration(client, provider).get(
        "token_endpoint_auth_methods_supported", ["client_secret_basic"]
    ):
        client.token_endpoint_auth_method = "client_secret_post"  # noqa: S105  the name of a method
    token = client.fetch_token(
        _endpoint(client, provider, "token_endpoint"), code=code, code_verifier=pending.verifier,
        grant_type="authorization_code", redirect_uri=callback, allow_redirects=False,
    )  # fmt: skip

    def read(*, anew: bool) -> Any:
        keys = _document(client, _endpoint(client, provider, "jwks_uri"), anew=anew)
        return jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=ALGORITHMS)  # type: ignore[arg-type]

    try:
        decoded = read(anew=False)
    except (JoseError, ValueError):  # its keys may have changed
        decoded = read(anew=True)
    wanted = {name: {"essential": True, "value": value} for name, value in
              (("iss", provider.issuer), ("aud", provider.client_id))}  # fmt: skip
    given = {"nonce": pending.nonce, "client_id": provider.client_id, "access_token": token.get("access_token")}
    claims = CodeIDToken(decoded.claims, decoded.header, wanted, given)
    claims.validate(leeway=LEEWAY)
    found = dict(claims)
    if "email" not in found and "userinfo_endpoint" in _configuration(client, provider):
        more = client.get(_endpoint(client, provider, "userinfo_endpoint"), allow_redirects=False).json()
        if more["sub"] != found["sub"]:
            raise ValueError("the user info is of another subject")
        found |= {name: more[name] for name in ("email", "email_verified") if name in more}
    return found


def _configuration(client: "OAuth2Session", provider: OidcProvider) -> dict[str, Any]:
    found = _document(client, f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
    if found["issuer"] != provider.issuer:
        raise ValueError("the configuration is another issuer's")
    return found


def _endpoint(client: "OAuth2Session", provider: OidcProvider, name: str) -> str:
    url = str(_configuration(client, provider)[name])
    if urlsplit(url).scheme not in ("https", urlsplit(provider.issuer).scheme):
        raise ValueError("an endpoint without TLS")
    return url


def _document(client: "OAuth2Session", url: str, *, anew: bool = False) -> dict[str, Any]:
    until, found = _known.get(url, (0.0, {}))
    if anew or until < time.monotonic():
        answer = client.get(url, withhold_token=True, allow_redirects=False)
        answer.raise_for_status()
        found = dict(answer.json())
        _known[url] = (time.monotonic() + KEPT_FOR, found)
    return found


def _session_of(services: Services, provider: OidcProvider, claims: Mapping[str, Any]) -> str:
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or "\x00" in subject:
        raise Unauthorized(f"What {provider.name} answered is not valid; tell the operator")
    with services.db.read() as session:
        is_known = find_identity(session, provider.issuer, subject) is not None
    # Nobody knows the password of a new account; a link from the operator sets another. It takes time to hash one.
    unused = "" if is_known else hashed_password(secrets.token_urlsafe(32))
    with services.db.write() as session:
        known = find_identity(session, provider.issuer, subject)
        if known is None and is_known:
            raise Unauthorized(AGAIN)  # unlinked at this very time
        user_id = known.user_id if known else _bind(services, session, provider, claims, unused)
        user = session.get(User, user_id, with_for_update=AGAINST_CHANGES)  # who ends all logins at the same time waits
        if user is None or user.disabled_at is not None:
            raise Unauthorized("This account is disabled; ask the operator")
        return insert_session(services, session, user.id)


def _bind(
    services: Services, session: Session, provider: OidcProvider, claims: Mapping[str, Any], password_hash: str
) -> int:
    """The user of the e-mail, or a new one: from now on the issuer's subject means them."""
    email = _proved_email(provider, claims)
    user = find_user(session, email)
    if user is None and email.rpartition("@")[2] not in provider.domains:
        raise Unauthorized(NO_ACCOUNT)
    if user is not None and has_identity(session, provider.issuer, user.id):
        raise Unauthorized(ANOTHER)  # providers give an e-mail to another person when one has left
    try:
        user_id = user.id if user else insert_user(services, session, email, password_hash)
    except Conflict as error:
        raise Unauthorized(AGAIN) from error
    if not add_identity(session, provider.issuer, claims["sub"], user_id, services.now()):
        raise Unauthorized(AGAIN)
    record(session, None, "user.identity_added", email, services.now(), Actor(user_id))
    return user_id


def _proved_email(provider: OidcProvider, claims: Mapping[str, Any]) -> str:
    email = claims.get("email")
    if not isinstance(email, str) or not (provider.trusts_email or claims.get("email_verified") in (True, "true")):
        raise Unauthorized(NOT_PROVED)
    try:
        return checked_email(email)
    except BadParameters as error:
        raise Unauthorized(NOT_PROVED) from error
