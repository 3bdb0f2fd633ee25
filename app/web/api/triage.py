"""Triage of crashes: their state and assignee, one by one or many at once, comments, and the history of all this."""

from typing import Annotated, Literal

from pydantic import Field

from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.crash_history import HistoryAction
from app.db.queries.triage import Entry, history_of
from app.identity.access import Access
from app.jobs.access import visible_crash
from app.jobs.report_making import rules_of
from app.json_models import ResponseBody, Time
from app.redaction.rules import Rules
from app.triage import changes, comments
from app.web.api import tags
from app.web.api.crashes import CrashIdentifier, CrashInFull, IgnoredUntilBody, crash_in_full, ignored_until_in
from app.web.api.resource import Page, Paging, Resource
from app.web.auth import services

resource = Resource("triage", tags.CRASHES, url_prefix="/api", access=Access.VIEWER)
ONE = "/crashes/<crash_identifier>"
CommentId = Annotated[str, Field(description="From the list of a crash's comments")]


class ChangedCrash(ResponseBody, component="ChangedCrash"):
    """What became of one identifier of many."""

    identifier: str
    status: Literal["changed", "unchanged", "not_found"] = Field(examples=["changed"])
    crash_identifier: str | None = Field(description="The crash that it leads to, another one after a merge")


class CommentBody(ResponseBody, component="Comment"):
    """What a member said about a crash."""

    id: str = Field(examples=["4711"])
    created_at: Time
    author: str | None = Field(description="null: the account is removed", examples=["ada@example.com"])
    text: str = Field(examples=["Seen after the sign-in of a guest"])


class HistoryEntry(ResponseBody, component="HistoryEntry"):
    """What happened to a crash."""

    id: str = Field(examples=["4710"])
    happened_at: Time = Field(examples=["2018-09-14T09:30:00Z"])
    action: HistoryAction = Field(examples=[HistoryAction.RESOLVED.value])
    user: str | None = Field(description="null: the service, or a removed account", examples=["ada@example.com"])
    crash_identifier: str = Field(description="The crash itself, or one that was merged into it")
    assignee: str | None = Field(examples=[None])
    version: str | None = Field(description="The fix is in it, or `next`; of what came back", examples=["1.3"])
    ignored_until: IgnoredUntilBody | None = Field(examples=[None])
    other_crash_identifier: str | None = Field(description="It was merged into or split off", examples=[None])
    comment: str | None = Field(examples=[None])


@resource.patch(ONE, "changeCrash", "Change state or assignee", access=Access.MEMBER, about="The crash", errors=(404,))
def change_crash(user: int, crash_identifier: CrashIdentifier, body: changes.TriageChange) -> CrashInFull:
    """Resolve, ignore, reopen or assign a crash."""
    crash = _find(user, crash_identifier)
    changes.change_one(services(), user, crash, body)
    with services().db.read() as session:
        return crash_in_full(session, visible_crash(session, user, crash.identifier))


@resource.patch(
    "/apps/<app_identifier>/crashes", "changeCrashes", "Change state or assignee of many crashes",
    access=Access.MEMBER, about="What became of each identifier, in the order given",
)  # fmt: skip
def change_crashes(app: App, user: int, body: changes.CrashesChange) -> list[ChangedCrash]:
    """Resolve, ignore, reopen or assign many crashes of an app, all at once."""
    return [_changed(one) for one in changes.change_many(services(), user, app, body)]


@resource.get(f"{ONE}/comments", "listComments", "Comments on a crash", about="Newest first", errors=(404,))
def list_comments(user: int, crash_identifier: CrashIdentifier, paging: Paging) -> Page[CommentBody]:
    """What members said about the crash and what was merged into it, newest first."""
    with services().db.read() as session:
        crash = visible_crash(session, user, crash_identifier)
        rules, _ = rules_of(session, crash.app_id)
        rows = history_of(session, crash, paging.limit, paging.offset, HistoryAction.COMMENTED)
    return Page.of(rows, paging, lambda entry: _comment(entry, rules))


@resource.post(
    f"{ONE}/comments", "addComment", "Comment on a crash", access=Access.MEMBER, status=201, about="The comment",
    errors=(404,),
)  # fmt: skip
def add_comment(user: int, crash_identifier: CrashIdentifier, body: comments.NewComment) -> CommentBody:
    """Comment on a crash."""
    crash = _find(user, crash_identifier)
    row_id = comments.comment(services(), user, crash, body)
    with services().db.read() as session:
        rules, _ = rules_of(session, crash.app_id)
        [entry] = history_of(session, crash, 1, 0, row_id=row_id)
        return _comment(entry, rules)


@resource.delete(
    f"{ONE}/comments/<comment_id>", "deleteComment", "Delete a comment of yours", access=Access.MEMBER,
    about="Deleted", errors=(404,),
)  # fmt: skip
def delete_comment(user: int, crash_identifier: CrashIdentifier, comment_id: CommentId) -> None:
    """Delete a comment of one's own."""
    comments.delete_comment(services(), user, _find(user, crash_identifier), comment_id)


@resource.get(f"{ONE}/history", "showHistory", "What happened to a crash", about="Newest first", errors=(404,))
def show_history(user: int, crash_identifier: CrashIdentifier, paging: Paging) -> Page[HistoryEntry]:
    """Who changed what about the crash and what was merged into it, and when; newest first."""
    with services().db.read() as session:
        crash = visible_crash(session, user, crash_identifier)
        rules, _ = rules_of(session, crash.app_id)
        rows = history_of(session, crash, paging.limit, paging.offset)
    return Page.of(rows, paging, lambda entry: _entry(entry, rules))


def _find(user: int, crash_identifier: str) -> Crash:
    with services().db.read() as session:
        return visible_crash(session, user, crash_identifier)


def _changed(one: changes.Outcome) -> ChangedCrash:
    if one.crash is None:
        return ChangedCrash(identifier=one.identifier, status="not_found", crash_identifier=None)
    status: Literal["changed", "unchanged"] = "changed" if one.is_changed else "unchanged"
    return ChangedCrash(identifier=one.identifier, status=status, crash_identifier=one.crash.identifier)


def _comment(entry: Entry, rules: Rules) -> CommentBody:
    row = entry.row
    return CommentBody(
        id=str(row.id), created_at=row.happened_at, author=entry.user, text=rules.text(row.comment or "")
    )


def _entry(entry: Entry, rules: Rules) -> HistoryEntry:
    row = entry.row
    return HistoryEntry.of(
        row,
        id=str(row.id),
        user=entry.user,
        crash_identifier=entry.crash_identifier,
        assignee=entry.assignee,
        version=row.version and rules.text(row.version),
        ignored_until=ignored_until_in(row.terms),
        other_crash_identifier=row.other_identifier,
        comment=row.comment and rules.text(row.comment),
    )
