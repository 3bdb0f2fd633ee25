"""What is taken out of an app's reports, and a box to try it in."""

from typing import Any

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.errors import BadParameters
from app.identity.access import Access
from app.privacy.settings import REDACTION, change_settings, settings_of
from app.redaction.rules import PATTERNS, read_rules
from app.web.auth import services
from app.web.console.forms import sentence
from app.web.console.page import app_of, go
from app.web.console.page_access import needs
from app.web.console.settings_frame import render_section

blueprint = Blueprint("settings_redaction", __name__)

MAX_TRIED = 20_000  # characters
WORDS = {
    "email": ("E-mail addresses", "ada@example.com"),
    "ipv4": ("IPv4 addresses", "192.0.2.7"),
    "ipv6": ("IPv6 addresses", "2001:db8::7"),
    "card": ("Card numbers", "with a right check digit"),
    "token": ("Tokens and passwords", "bearer tokens, web tokens, keys of known services, password=…"),
}
EXAMPLE = "Sync failed for ada@example.com from 192.0.2.7, token=3f9c0a7be4d2"


@blueprint.get("/apps/<app_identifier>/settings/redaction")
@needs(Access.VIEWER)
def show(app_identifier: str) -> Response:
    """The rules as they are."""
    app = app_of(app_identifier)
    return _page(app, settings_of(services(), app.id)[REDACTION] or {})


@blueprint.post("/apps/<app_identifier>/settings/redaction")
@needs(Access.OWNER)
def change(app_identifier: str) -> Response:
    """Set the rules, or with the button beside the box try them and set nothing."""
    app, form = app_of(app_identifier), request.form
    text = form.get("text", "")
    rules: dict[str, Any] = {}
    try:
        rules = _read_form()
        made = read_rules(rules)
        if form.get("do") == "try":
            return _page(app, rules, text=text, tried=made.text(text[:MAX_TRIED]))
        is_none = not (rules["patterns"] or rules["regexes"] or rules["fields"])
        change_settings(services(), app, {REDACTION: None if is_none else rules})
    except BadParameters as error:
        field, sentence = _place(error.message)
        return _page(app, rules, {field: sentence}, text=text, typed=form)
    return go(
        "settings_redaction.show", "Saved. Reports are made by these rules from now on.", app_identifier=app.identifier
    )


def _read_form() -> dict[str, Any]:
    """The setting that the form describes. Raises BadParameters."""
    form = request.form
    regexes = []
    for line in _lines("regexes"):
        name, equals, regex = line.partition("=")
        if not equals:
            raise BadParameters("redaction.regexes: write each as name = pattern")
        regexes.append({"name": name.strip(), "regex": regex.strip()})
    return {
        "patterns": [name for name in PATTERNS if name in form.getlist("patterns")],
        "regexes": regexes,
        "fields": _lines("fields"),
        "raw_log": "raw_log" in form,
    }


def _lines(name: str) -> list[str]:
    return [line.strip() for line in request.form.get(name, "").splitlines() if line.strip()]


def _place(message: str) -> tuple[str, str]:
    """(field, sentence) of `redaction.field…: sentence`."""
    where, _, problem = message.partition(": ")
    field = where.removeprefix("redaction.").partition(" ")[0]
    known = field if field in ("patterns", "regexes", "fields") else "regexes"
    return known, sentence(problem or message)


def _page(
    app: App,
    rules: dict[str, Any],
    problems: dict[str, str] | None = None,
    *,
    text: str = EXAMPLE,
    tried: str | None = None,
    typed: Any = None,
) -> Response:
    regexes = "\n".join(f"{one['name']} = {one['regex']}" for one in rules.get("regexes", []))
    return render_section(
        "settings_redaction.html",
        "settings_redaction.show",
        app,
        status=400 if problems else 200,
        words=WORDS,
        chosen=typed.getlist("patterns") if typed else rules.get("patterns", []),
        regexes=typed.get("regexes", "") if typed else regexes,
        fields=typed.get("fields", "") if typed else "\n".join(rules.get("fields", [])),
        raw_log="raw_log" in typed if typed else rules.get("raw_log", False),
        problems=problems or {},
        text=text[:MAX_TRIED],
        tried=tried,
        longest=MAX_TRIED,
    )
