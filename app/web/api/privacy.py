"""Settings of an app, and the erasure of one of its users. Any member of the app may do all of it."""

from typing import Annotated, Any, Literal

from flask import request, url_for
from pydantic import Field

from app.crashes.splitting import BY, MAX_PATTERN, MAX_SPLITS
from app.db.models.app import App
from app.db.models.erasure import Erasure, ErasureState
from app.errors import BadParameters
from app.identity.access import Access
from app.jobs.envelope import ProgressBody
from app.json_models import RequestBody, ResponseBody, Time
from app.privacy.erasing import begin_erasure, list_erasures, show_erasure
from app.privacy.settings import MAX_DAYS, MAX_LOGS_PER_MINUTE, change_settings, settings_of
from app.redaction.rules import MAX_FIELDS, MAX_REGEX, MAX_REGEXES, PATTERNS, read_rules
from app.web.api import tags
from app.web.api.openapi.words import FLAG, query
from app.web.api.request_values import json_object
from app.web.api.resource import Answer, Page, Paging, Resource
from app.web.auth import services

resource = Resource("privacy", tags.PRIVACY, url_prefix="/api/apps/<app_identifier>", access=Access.OWNER)

YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}
_Name = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,32}$")]
_Days = Annotated[int | None, Field(ge=1, le=MAX_DAYS, description="null: for ever")]
_Pattern = Annotated[
    str, Field(default="", min_length=1, max_length=MAX_PATTERN, description="`*` stands for any text")
]


class Regex(RequestBody):
    """What an app looks for itself in texts of its reports."""

    name: _Name = Field(examples=["staff"])
    regex: str = Field(max_length=MAX_REGEX, description="In the syntax of RE2")


class Redaction(RequestBody, change=True):
    """What is taken out of reports."""

    patterns: list[Literal[tuple(PATTERNS)]] = Field(default=[])  # type: ignore[valid-type]
    regexes: list[Regex] = Field(default=[], max_length=MAX_REGEXES)
    fields: list[str] = Field(default=[], max_length=MAX_FIELDS, description="user.email, …")
    raw_log: bool = Field(default=False, description="Leave the raw log in a zip all the same")


class SplitRule(RequestBody, change=True):
    """A rule that sets some reports of a group apart."""

    name: _Name
    type: _Pattern
    message: _Pattern
    function: _Pattern
    app_version: _Pattern
    os_name: _Pattern
    os_version: _Pattern
    by: Literal[(*BY, None)] = None  # type: ignore[valid-type]


_SPLIT = {"name": "timeouts", "function": "*.Http.request", "message": "*timed out*"}
_REDACTION = {"patterns": ["email"], "regexes": [{"name": "staff", "regex": "S-[0-9]+"}], "fields": ["user.email"]}
_Redaction = Annotated[Redaction | None, Field(examples=[_REDACTION])]
_Splits = Annotated[list[SplitRule] | None, Field(max_length=MAX_SPLITS, examples=[[_SPLIT]])]
_Logs = Annotated[int | None, Field(ge=1, le=MAX_LOGS_PER_MINUTE, description="null: any number")]


class SettingsBody(ResponseBody, component="Settings"):
    """All settings of an app."""

    keep_logs_days: _Days
    keep_occurrences_days: _Days
    keep_reports_days: _Days
    logs_per_minute: _Logs
    splits: _Splits
    redaction: _Redaction

    def to_json(self) -> dict[str, Any]:
        """Rules have the fields that they were given."""
        return self.model_dump(mode="json", exclude_unset=True)


class SettingsChange(RequestBody, change=True):
    """Settings that are to be set; the others are left as they are."""

    keep_logs_days: _Days = None
    keep_occurrences_days: _Days = None
    keep_reports_days: _Days = None
    logs_per_minute: _Logs = None
    splits: _Splits = None
    redaction: _Redaction = None


class TextToTry(RequestBody):
    """A text, and rules to try on it."""

    text: str = Field(examples=["ada@example.com is S-12"])
    redaction: _Redaction = None


class TriedText(ResponseBody):
    """The text as it would leave."""

    text: str = Field(examples=["[email] is [staff]"])


class RemovedBody(ResponseBody):
    """How much an erasure has removed."""

    logs: int
    occurrences: int
    jobs: int


class ErasureBody(ResponseBody, component="Erasure"):
    """An erasure. It never has the user's id: only who knows the service's secret can tell whose it was."""

    erasure_id: str
    status_url: str = Field(description="A path: ask it until `state` is finished")
    user_hash: str = Field(description="HMAC-SHA256 of app and user id, under the service's secret")
    state: ErasureState = Field(examples=["finished"])
    step: str | None = Field(description="What is at work")
    scan: bool = Field(description="Every stored log of the app is read")
    progress: ProgressBody = Field(examples=[{"done": 4, "total": 4, "unit": "logs"}])
    removed: RemovedBody
    created_at: Time
    finished_at: Time | None
    error_code: str | None = Field(description="Of the latest trouble; it is tried again")


@resource.get(
    "/settings",
    "showSettings",
    "How long data is kept and what is taken out of reports",
    access=Access.VIEWER,
    about="All settings",
)
def show_settings(app: App) -> SettingsBody:
    """How long things are kept, and what is taken out of reports."""
    return SettingsBody(**settings_of(services(), app.id))


@resource.patch(
    "/settings", "changeSettings", "Set what is given and leave the rest", about="All settings", reads=SettingsChange
)
def patch_settings(app: App) -> SettingsBody:
    """Set what the body names and leave the rest."""
    return SettingsBody(**change_settings(services(), app, json_object()))


@resource.post(
    "/settings/try", "tryRules", "What rules would make of a text; nothing is set", about="The text as it would leave",
    reads=TextToTry, access=Access.VIEWER,
)  # fmt: skip
def try_rules(app: App) -> TriedText:  # noqa: ARG001  only members may
    """What rules would make of a text; nothing is set."""
    body = json_object()
    if not isinstance(body.get("text"), str) or set(body) - {"text", "redaction"}:
        raise BadParameters('The body has to be JSON: {"redaction":{…},"text":"…"}')
    return TriedText(text=read_rules(body.get("redaction")).text(body["text"]))


@resource.delete(
    "/users/<path:user_id_in_app>", "eraseUser", "Erase a user: logs, occurrences, reports, batches", status=202,
    about="The erasure that has begun, or was under way", errors=(400,), headers="Location Retry-After",
    more={"parameters": [query("scan", FLAG, "Read every stored log for the letters of the id; left out: when it has at "
                               "least 6 characters")]},
)  # fmt: skip
def erase_user(
    app: App, user: int, user_id_in_app: Annotated[str, Field(description="As the app's logs name the user")]
) -> Answer[ErasureBody]:
    """Begin the erasure of a user, or join the one under way; 202 once it is recorded."""
    scan = request.args.get("scan")
    if scan is not None and scan not in YES_OR_NO:
        raise BadParameters("scan is true or false")
    begun = begin_erasure(
        services(), app, user_id_in_app, scan=YES_OR_NO[scan] if scan is not None else None, asked_by=user
    )
    return Answer(_erasure(begun, app), {"Location": _address(begun, app), "Retry-After": "1"})


@resource.get("/erasures", "listErasures", "Erasures", about="Newest first")
def erasures(app: App, paging: Paging) -> Page[ErasureBody]:
    """The erasures of an app, newest first."""
    rows = list_erasures(services(), app, paging.limit, paging.offset)
    return Page.of(rows, paging, lambda one: _erasure(one, app))


@resource.get(
    "/erasures/<erasure_id>", "showErasure", "How far an erasure has come", about="The erasure",
    headers="Retry-After X-Progress",
)  # fmt: skip
def erasure(
    app: App, erasure_id: Annotated[str, Field(description="From the answer to the DELETE")]
) -> Answer[ErasureBody]:
    """How far an erasure has come."""
    found = show_erasure(services(), app, erasure_id)
    if found.state != ErasureState.LIVE:
        return Answer(_erasure(found, app))
    progress = f"{found.done}/{max(found.total, found.done)} logs"
    return Answer(_erasure(found, app), {"Retry-After": "1", "X-Progress": progress})


def _address(one: Erasure, app: App) -> str:
    return url_for("privacy.erasure", app_identifier=app.identifier, erasure_id=one.id)


def _erasure(one: Erasure, app: App) -> ErasureBody:
    return ErasureBody.of(
        one,
        erasure_id=one.id,
        status_url=_address(one, app),
        step=one.step or None,
        progress=ProgressBody(done=one.done, total=max(one.total, one.done), unit="logs"),
        removed=RemovedBody.of(one),
    )
