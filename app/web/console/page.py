"""What the modules in pages/ work with: the signed-in user, the template around a page, a message for the next one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, g, redirect, request, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer
from jinja2 import Environment, PackageLoader, StrictUndefined

from app import iso_time
from app.acting import Actor, act_as
from app.db.models.app import App, apps_of
from app.db.models.membership import Role, role_of
from app.db.models.user import User
from app.errors import AppError, Unauthorized
from app.identity import access, accounts
from app.identity.access import Access
from app.reports.detail_words import size_of
from app.web import auth, csrf
from app.web.auth import services
from app.web.console import static_files
from app.web.console.page_access import access_of

SWITCHER_APPS = 50  # apps that the header offers; all are on the page of apps
SAID_COOKIE, SAID_SALT, SAID_FOR = "crashq_said", "crashq said", 60  # seconds that a word waits for the next page
THEME_COOKIE = "crashq_theme"
NAV = "crashq.nav"  # the extension that holds the header's entries


@dataclass(frozen=True)
class Nav:
    """A page's place in the header."""

    label: str
    endpoint: str  # `<blueprint>.<function>`
    icon: str  # in static/icons.svg
    place: int  # from left to right
    of_app: bool = False  # True: a page of one app, whose path has `app_identifier`


@dataclass(frozen=True)
class SignedInUser:
    """The user whose browser sent the request, and the token of the session."""

    user: User
    token: str = field(repr=False)  # a stack trace may show who was there, and never the token

    @property
    def user_id(self) -> int:
        """For the functions that check what a user may see."""
        return self.user.id


class SignInFirst(AppError):
    """Nobody is signed in, or not any more."""

    code, status, message = "sign_in_first", 401, "Sign in first"


def signed_in() -> SignedInUser:
    """Who has sent this request. Raises SignInFirst, which leads to the page of signing in and back."""
    found = maybe_signed_in()
    if found is None:
        raise SignInFirst
    return found


def maybe_signed_in() -> SignedInUser | None:
    """Who has sent this request; None when nobody is signed in."""
    if "signed_in_user" not in g:
        token = auth.session_token()
        try:
            g.signed_in_user = SignedInUser(accounts.person_of(services(), token), token) if token else None
        except Unauthorized:
            g.signed_in_user = None
    found: SignedInUser | None = g.signed_in_user
    return found


def sign_in_redirect(_: SignInFirst) -> Response:
    """To the page of signing in, which leads back to a page that was only to be read."""
    if request.method not in ("GET", "HEAD"):
        return go("sign_in.show")
    return go("sign_in.show", next=request.script_root + request.full_path.rstrip("?"))


def app_of(identifier: str) -> App:
    """The app of the page's path, of which the signed-in user is a member. Raises SignInFirst or NotFound."""
    return accounts.app_for_user(services(), identifier, signed_in().user_id)


def check_access() -> None:
    """Raises SignInFirst, or Forbidden for a member of the app without the role that the page declares."""
    needed = access_of((request.endpoint or "").removeprefix("console."))
    if needed is not Access.OPEN:
        user_id = signed_in().user_id
        act_as(Actor(user_id))
        access.check(services(), user_id, needed, request.view_args or {})


def render(template: str, *, status: int = 200, app: App | None = None, **values: Any) -> Response:
    """The page that a template makes of the values; `app` is the one that the header shows as chosen."""
    who = maybe_signed_in()
    with services().db.read() as session:
        apps = apps_of(session, who.user_id, SWITCHER_APPS, 0) if who else []
        role = role_of(session, who.user_id, app.id) if who and app else None
    return compose(template, status, {"who": who, "apps": apps, "app": app, "role": role, **values})


def compose(template: str, status: int, values: dict[str, Any]) -> Response:
    """The page, without a look at the database: `values` has all, also `who`, `apps` and `app`."""
    said = _said()
    who, role = values["who"], values.get("role")

    def may(endpoint: str) -> bool:
        """Whether the user's role in the page's app is enough for another page or form."""
        return _covers(role, access_of(endpoint))

    frame = {
        "csrf": auth.csrf_token(who.token) if who else "",
        "said": said,
        "theme": theme if (theme := request.cookies.get(THEME_COOKIE)) in ("light", "dark") else "",
        "nav": current_app.extensions[NAV],
        "here": (request.endpoint or "").removeprefix("console."),
        "root": request.script_root,
        "may": may,
    }
    html = TEMPLATES.get_template(template).render({**frame, **values})
    response = Response(html, status=status, mimetype="text/html")
    if said:
        response.delete_cookie(SAID_COOKIE)
    return response


def _covers(role: Role | None, needed: Access) -> bool:
    return needed.role is None or (role is not None and role.covers(needed.role))


def link(endpoint: str, **values: Any) -> str:
    """The path of a page, by `<blueprint>.<function>`."""
    return url_for(f"console.{endpoint}", **values)


def server_address() -> str:
    """How clients reach the service, without a slash at its end."""
    return (services().config.public_url or request.url_root).rstrip("/")


def go(endpoint: str, said: str | None = None, mood: str = "good", **values: Any) -> Response:
    """After a form: on to a page, which says that word once. `mood` is good, bad or plain."""
    response: Response = redirect(link(endpoint, **values), 303)  # type: ignore[assignment]
    if said:
        value = _sayings().dumps([mood, said])
        response.set_cookie(
            SAID_COOKIE, value, max_age=SAID_FOR, secure=auth.is_secure(), httponly=True, samesite="Lax"
        )
    return response


def own_path(text: str) -> str | None:
    """The text if it is the path of a page of ours, to be led back to; else None."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    is_path = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if is_path and text.isprintable() and "\\" not in text else None


def _said() -> tuple[str, str] | None:
    """(mood, words) that the page before wanted said here."""
    try:
        mood, text = _sayings().loads(request.cookies.get(SAID_COOKIE, ""), max_age=SAID_FOR)
    except (BadSignature, ValueError):
        return None
    return str(mood), str(text)


def _sayings() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(services().config.secret_key, salt=SAID_SALT)


def joined(words: Iterable[object]) -> str:
    """Those that are known, with spaces between; none that the next one begins with, such as `Linux` of `Linux 6.1`."""
    known = [str(word) for word in words if word]
    return " ".join(word for word, after in pairwise([*known, ""]) if not after.startswith(f"{word} "))


def _number(value: int) -> str:
    return f"{value:,}"


def _utc(value: datetime) -> str:
    return iso_time.rfc3339(value)[:16].replace("T", " ") + " UTC"


def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("app.web.console"),
        autoescape=True,  # whatever a file is called: all that is shown may come out of a log
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown: dict[str, Callable[..., str]] = {
        "number": _number, "size": size_of, "utc": _utc, "rfc3339": iso_time.rfc3339, "joined": joined,
    }  # fmt: skip
    made.filters.update(shown)
    made.globals.update(
        {
            "link": link,
            "asset": static_files.address,
            "imports": static_files.imports,
            "csrf_field": csrf.FIELD,
        }
    )
    return made


TEMPLATES = _templates()
