"""Comments on crashes: plain text, shown to the members of the app, deleted by their authors."""

import unicodedata

import structlog
from pydantic import Field

from app.db.models.crash import Crash
from app.db.models.crash_history import MAX_COMMENT, CrashHistory, HistoryAction
from app.db.queries.triage import drop_entry, find_comment
from app.errors import BadParameters, NotFound
from app.json_models import RequestBody
from app.services import Services

MAX_ROW_ID = 2**63 - 1
LAYOUT = "\n\t"  # what a comment may hold that is not printed

log = structlog.get_logger()


class NewComment(RequestBody):
    """What is to be said."""

    text: str = Field(min_length=1, max_length=MAX_COMMENT, examples=["Seen after the sign-in of a guest"])


class CommentNotFound(NotFound):
    """Unknown, another crash's, somebody else's, or deleted."""

    code, message = "comment_not_found", "There is no such comment of yours on this crash"


def comment(services: Services, user_id: int, crash: Crash, wanted: NewComment) -> int:
    """Say something about a crash that the user may see; returns the row id. Raises BadParameters."""
    text = wanted.text.replace("\r\n", "\n").strip()
    if not text or any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in LAYOUT for sign in text):
        raise BadParameters("text: has to have something to read, and no control characters")
    said = CrashHistory(crash_id=crash.id, action=HistoryAction.COMMENTED, user_id=user_id, comment=text)
    said.happened_at = services.now()
    with services.db.write() as session:
        session.add(said)
        session.flush()
        row_id = said.id
    log.info("crash_commented", crash=crash.identifier, user=user_id)
    return row_id


def delete_comment(services: Services, user_id: int, crash: Crash, comment_id: str) -> None:
    """Delete a comment of the user's own. Raises CommentNotFound."""
    is_number = comment_id.isascii() and comment_id.isdigit() and len(comment_id) < 20
    with services.db.write() as session:
        found = find_comment(session, crash, int(comment_id)) if is_number and int(comment_id) <= MAX_ROW_ID else None
        if found is None or found.user_id != user_id:
            raise CommentNotFound
        drop_entry(session, found.id)
