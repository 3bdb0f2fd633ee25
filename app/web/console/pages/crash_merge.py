"""What people decide about a crash's group: it is another one, or a group that was merged into it is a crash of its own."""

import re

from flask import Blueprint, Response, request

from app.errors import AppError, NotFound
from app.identity.access import Access
from app.ingest import regrouping
from app.jobs.access import visible_crash
from app.web.auth import services
from app.web.console.forms import REFUSALS, sentence_of
from app.web.console.page import go, signed_in
from app.web.console.page_access import needs

ADDRESS = re.compile(r"(?:.*/)?crashes/([^/?#]+)[^/]*")  # of a crash's page, as it stands in a browser

blueprint = Blueprint("crash_merge", __name__)


@blueprint.post("/crashes/<crash_identifier>/merge")
@needs(Access.MEMBER)
def merge(crash_identifier: str) -> Response:
    """Count the crash's occurrences in the one that `into` names, by its identifier or the address of its page."""
    user_id, into = signed_in().user_id, request.form.get("into", "").strip()
    if found := ADDRESS.fullmatch(into):
        into = found[1]
    with services().db.read() as session:
        crash = visible_crash(session, user_id, crash_identifier)
        try:
            target = visible_crash(session, user_id, into)
        except NotFound:
            problem = (
                "Nothing is changed. You see no crash with this identifier."
                if into
                else "Give the other crash's identifier."
            )
            return _back(crash_identifier, problem)
    try:
        regrouping.merge(services(), user_id, crash, target)
    except REFUSALS as error:
        return _refused(crash_identifier, error)
    said = "The two are one crash now; occurrences are on their way here."
    return go("crash.show", said, crash_identifier=target.identifier)


@blueprint.post("/crashes/<crash_identifier>/split")
@needs(Access.MEMBER)
def split(crash_identifier: str) -> Response:
    """Make the group with this `fingerprint` a crash of its own again."""
    user_id = signed_in().user_id
    with services().db.read() as session:
        crash = visible_crash(session, user_id, crash_identifier)
    try:
        regrouping.split(services(), user_id, crash, request.form.get("fingerprint", ""))
    except REFUSALS as error:
        return _refused(crash_identifier, error)
    return go("crash.show", "It is a crash of its own again.", crash_identifier=crash.identifier)


def _refused(crash_identifier: str, error: AppError) -> Response:
    return _back(crash_identifier, f"Nothing is changed. {sentence_of(error)}")


def _back(crash_identifier: str, problem: str) -> Response:
    return go("crash.show", problem, "bad", crash_identifier=crash_identifier)
