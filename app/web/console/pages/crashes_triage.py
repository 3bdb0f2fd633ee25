"""Changes of many crashes, those that are selected in the list."""

from collections import Counter
from collections.abc import Sequence

from flask import Blueprint, Response, request

from app.errors import BadParameters
from app.identity.access import Access
from app.json_models import read_params
from app.triage import changes
from app.web.auth import services
from app.web.console.forms import REFUSALS, sentence_of
from app.web.console.page import app_of, go, signed_in
from app.web.console.page_access import needs

STATES = {
    "resolve": ({"state": "resolved"}, "resolved"),
    "resolve_next": ({"state": "resolved", "resolved_in": "next"}, "resolved in the next version"),
    "ignore": ({"state": "ignored"}, "ignored"),
    "open": ({"state": "open"}, "open again"),
}
"""What a button is called -> the change, and its word."""

blueprint = Blueprint("crashes_triage", __name__)


@blueprint.post("/apps/<app_identifier>/crashes/triage")
@needs(Access.MEMBER)
def change(app_identifier: str) -> Response:
    """Do what the button says with the crashes that are selected, and lead back to the list as it was."""
    app, kept = app_of(app_identifier), request.args.to_dict()
    kept.pop("app_identifier", None)
    try:
        wanted, word = _wanted(request.form.get("do", ""))
        identifiers = request.form.getlist("identifiers")
        if not identifiers:
            raise BadParameters("Select a crash first")
        change = read_params(changes.CrashesChange, {"identifiers": identifiers, **wanted})
        outcomes = changes.change_many(services(), signed_in().user_id, app, change)
    except REFUSALS as error:
        said = f"Nothing is changed. {sentence_of(error)}"
        return go("crashes.show", said, "bad", app_identifier=app.identifier, **kept)
    return go("crashes.show", _said(outcomes, word), app_identifier=app.identifier, **kept)


def _wanted(button: str) -> tuple[dict[str, str | None], str]:
    if button == "assign":
        email = request.form.get("assignee", "")
        return {"assignee": email or None}, f"assigned to {email}" if email else "assigned to nobody"
    if button not in STATES:
        raise BadParameters("This is no change of crashes")
    wanted, word = STATES[button]
    return dict(wanted), word


def _said(outcomes: Sequence[changes.Outcome], word: str) -> str:
    """`3 crashes are resolved. 1 was before.`"""
    counts = Counter("none" if one.crash is None else "new" if one.is_changed else "before" for one in outcomes)
    number = counts["new"]
    sentences = [f"{number} crash{'' if number == 1 else 'es'} {'is' if number == 1 else 'are'} {word}."]
    if counts["before"]:
        sentences.append(f"{counts['before']} {'was' if counts['before'] == 1 else 'were'} so before.")
    if counts["none"]:
        sentences.append(f"{counts['none']} {'is' if counts['none'] == 1 else 'are'} gone.")
    return " ".join(sentences)
