"""What people decide about a crash on its page: state, assignee, comments."""

from typing import Any

from flask import Blueprint, Response, request

from app.db.models.crash import Crash
from app.errors import AppError, BadParameters
from app.identity.access import Access
from app.jobs.access import visible_crash
from app.json_models import read_params
from app.triage import changes, comments
from app.web.auth import services
from app.web.console.forms import REFUSALS, sentence_of
from app.web.console.page import go, signed_in
from app.web.console.page_access import needs

SAID = {"open": "It is open again.", "resolved": "It is resolved.", "ignored": "It is ignored."}
NOT_A_NUMBER = "ignored_until: give a whole number"

blueprint = Blueprint("crash_triage", __name__)


@blueprint.post("/crashes/<crash_identifier>/state")
@needs(Access.MEMBER)
def change(crash_identifier: str) -> Response:
    """Resolve (`resolved_in`), ignore (`until` and its `amount`) or reopen the crash."""
    state = request.form.get("state", "")
    return _change(crash_identifier, SAID.get(state, ""), lambda: wanted_state(state))


@blueprint.post("/crashes/<crash_identifier>/assignee")
@needs(Access.MEMBER)
def assign(crash_identifier: str) -> Response:
    """Assign the crash to the member of that `assignee`, or to nobody."""
    email = request.form.get("assignee", "")
    said = f"Assigned to {email}." if email else "Unassigned."
    return _change(crash_identifier, said, lambda: {"assignee": email or None})


@blueprint.post("/crashes/<crash_identifier>/comments")
@needs(Access.MEMBER)
def say(crash_identifier: str) -> Response:
    """Comment on the crash."""
    crash = _find(crash_identifier)
    try:
        comments.comment(
            services(),
            signed_in().user_id,
            crash,
            read_params(comments.NewComment, {"text": request.form.get("text", "")}),
        )
    except REFUSALS as error:
        return _refused(crash, error)
    return go("crash.show", crash_identifier=crash.identifier, _anchor="history")


@blueprint.post("/crashes/<crash_identifier>/comments/<comment_id>/delete")
@needs(Access.MEMBER)
def delete(crash_identifier: str, comment_id: str) -> Response:
    """Delete a comment of one's own."""
    crash = _find(crash_identifier)
    try:
        comments.delete_comment(services(), signed_in().user_id, crash, comment_id)
    except REFUSALS as error:
        return _refused(crash, error)
    return go("crash.show", "The comment is deleted.", crash_identifier=crash.identifier, _anchor="history")


def wanted_state(state: str) -> dict[str, Any]:
    """The change of state that the form asks for, by the names of the API. Raises BadParameters."""
    form = request.form
    if state == "resolved":
        return {"state": state, "resolved_in": form.get("resolved_in", "").strip() or None}
    until, amount = form.get("until", ""), form.get("amount", "").strip()
    if state != "ignored" or not until:
        return {"state": state}
    if until == "date":
        return {"state": state, "ignored_until": {"date": form.get("date", "")}}
    if not (amount.isascii() and amount.isdigit() and len(amount) < 16):
        raise BadParameters(NOT_A_NUMBER)
    return {"state": state, "ignored_until": {until: int(amount)}}


def _change(crash_identifier: str, said: str, wanted: Any) -> Response:
    crash = _find(crash_identifier)
    try:
        change = read_params(changes.TriageChange, wanted())
        changes.change_one(services(), signed_in().user_id, crash, change)
    except REFUSALS as error:
        return _refused(crash, error)
    return go("crash.show", said, crash_identifier=crash.identifier)


def _find(crash_identifier: str) -> Crash:
    with services().db.read() as session:
        return visible_crash(session, signed_in().user_id, crash_identifier)


def _refused(crash: Crash, error: AppError) -> Response:
    return go("crash.show", f"Nothing is changed. {sentence_of(error)}", "bad", crash_identifier=crash.identifier)
