"""A real OpenID provider, by the server side of Authlib, which the tests let misbehave."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.core.models import AuthorizationCodeMixin
from flask import Flask, Response, jsonify
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "crashq-tests", "a made-up secret of tests"


@cache
def new_key(name: str, _maker: str = "the provider") -> RSAKey:
    """A key of this name. Others may make one of the same name; each takes a fifth of a second."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


class Client(ClientMixin):
    """The one that is registered."""

    def __init__(self, callback: str) -> None:
        self.callback = callback

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return self.callback

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.callback

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code(AuthorizationCodeMixin):
    """What was given out, until it is used."""

    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass
class Provider:
    """What it says of the person at the browser, and how it misbehaves."""

    issuer: str = ""
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "17", "email": "grace@example.com", "email_verified": True}
    )
    claims: dict[str, Any] = field(default_factory=dict)  # put over those of the ID token
    keys: list[Any] = field(default_factory=lambda: [new_key("first")])
    signs_with: RSAKey | None = None  # else its newest key
    codes: dict[str, Code] = field(default_factory=dict)
    status: int = 200  # of its token endpoint
    is_silent: bool = False  # of its ID token about e-mails


@contextmanager
def openid_provider(callback: str) -> Iterator[Provider]:
    """The provider on a port of this machine, for one client that is led back to `callback`."""
    provider = Provider()
    server = make_server("127.0.0.1", 0, _application(provider, callback), threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


def _application(provider: Provider, callback: str) -> Flask:
    application = Flask("provider")
    client = Client(callback)
    server = AuthorizationServer(application, lambda asked: client if asked == CLIENT else None, lambda *_: None)

    class Grant(AuthorizationCodeGrant):
        def save_authorization_code(self, code: str, request: Any) -> None:
            payload = request.payload
            provider.codes[code] = Code(
                payload.redirect_uri, payload.scope, payload.data.get("nonce"),
                payload.data["code_challenge"], payload.data["code_challenge_method"],
            )  # fmt: skip

        def query_authorization_code(self, code: str, _client: Any) -> Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            provider.codes = {name: code for name, code in provider.codes.items() if code is not authorization_code}

        def authenticate_user(self, _code: Any) -> str:
            return "the person"

    class Token(OpenIDCode):
        def exists_nonce(self, _nonce: str, _request: Any) -> bool:
            return False

        def get_client_algorithm(self, _client: Any) -> str:
            return "RS256"

        def get_client_claims(self, _client: Any) -> dict[str, Any]:
            return {"iss": provider.issuer, "aud": [CLIENT], "iat": int(time.time()), "exp": int(time.time()) + 300}

        def get_encode_header(self, _client: Any) -> dict[str, str]:
            return {"alg": "RS256", "kid": str(provider.keys[-1].kid)}

        def resolve_client_private_key(self, _client: Any) -> RSAKey:
            return provider.signs_with or provider.keys[-1]

        def generate_user_info(self, _user: str, _scope: str) -> UserInfo:
            said = {"sub": provider.person["sub"]} if provider.is_silent else provider.person
            return UserInfo(**{**said, **provider.claims})

    server.register_grant(Grant, [Token(require_nonce=True), CodeChallenge(required=True)])

    @application.get("/.well-known/openid-configuration")
    def configuration() -> Response:
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys",
                 "userinfo_endpoint": "me"}  # fmt: skip
        return jsonify(issuer=provider.issuer, **{name: f"{provider.issuer}/{path}" for name, path in paths.items()})

    @application.get("/authorize")
    def authorize() -> Any:
        return server.create_authorization_response(
            grant_user="the person", grant=server.get_consent_grant("the person")
        )

    @application.post("/token")
    def token() -> Any:
        return server.create_token_response() if provider.status == 200 else ("", provider.status)

    @application.get("/keys")
    def keys() -> Response:
        return jsonify(KeySet(provider.keys).as_dict(private=False))

    @application.get("/me")
    def me() -> Response:
        return jsonify(provider.person)

    return application
