"""Grouping an app's stored logs anew: how far it is, and to begin it. Any member of the app may."""

from typing import Literal

from flask import url_for
from pydantic import Field

from app.db.models.app import App
from app.db.models.regrouping import Regrouping, latest_regrouping
from app.errors import BadParameters
from app.identity.access import Access
from app.ingest.regrouping import begin_regrouping
from app.jobs.envelope import ProgressBody
from app.json_models import RequestBody, ResponseBody, Time
from app.web.api import tags
from app.web.api.request_values import json_object
from app.web.api.resource import Answer, Resource
from app.web.auth import services

resource = Resource("regroup", tags.REGROUPING, url_prefix="/api/apps/<app_identifier>/regroup", access=Access.OWNER)

LOOK_AGAIN = "2"  # seconds


class RegroupingBody(ResponseBody, component="Regrouping"):
    """A regrouping of an app, under way or finished."""

    state: Literal["waiting", "running", "finished"] = Field(examples=["finished"])
    rules: int | None = Field(
        description="Version of the rules; null where only what people decided is carried out", examples=[2]
    )
    progress: ProgressBody = Field(examples=[{"done": 119, "total": 119, "unit": "logs"}])
    moved: int = Field(description="Occurrences that are counted in another crash now", examples=[7])
    unreadable: int = Field(description="Logs that stay grouped as they are")
    created_at: Time
    finished_at: Time | None


class RegroupingRequest(RequestBody):
    """How to regroup."""

    anew: bool = Field(default=False, description="From the first log on", examples=[False])


@resource.get(
    "", "showRegrouping", "How far it is", access=Access.VIEWER, about="The one under way, else the latest, else null",
    headers="Retry-After X-Progress",
)  # fmt: skip
def show_regrouping(app: App) -> Answer[RegroupingBody | None]:
    """The regrouping under way, else the latest one, else null."""
    with services().db.read() as session:
        row = latest_regrouping(session, app.id)
    return Answer(_regrouping(row), _headers(row)) if row else Answer(None)


@resource.post(
    "", "regroup", "Group all stored logs anew, or join what is under way", status=202,
    about="It has begun, or was under way", headers="Location Retry-After X-Progress", reads=RegroupingRequest,
)  # fmt: skip
def regroup(app: App) -> Answer[RegroupingBody]:
    """Begin one, or join the one under way, which goes on where it stands unless it is to be done anew."""
    given = json_object()
    anew = given.pop("anew", False)
    if given or not isinstance(anew, bool):
        raise BadParameters("The body is empty or holds anew: true or false")
    begin_regrouping(services(), app.id, anew=anew)
    with services().db.read() as session:
        row = latest_regrouping(session, app.id)
    assert row is not None
    location = url_for("regroup.show_regrouping", app_identifier=app.identifier)
    return Answer(_regrouping(row), {**_headers(row), "Location": location})


def _regrouping(row: Regrouping) -> RegroupingBody:
    return RegroupingBody.of(
        row,
        state="finished" if row.finished_at else "running" if row.lease_expires_at else "waiting",
        rules=row.rules or None,
        progress=ProgressBody(done=row.done, total=max(row.total, row.done), unit="logs"),
    )


def _headers(row: Regrouping) -> dict[str, str]:
    if row.finished_at is not None:
        return {}
    return {"Retry-After": LOOK_AGAIN, "X-Progress": f"{row.done}/{max(row.total, row.done)} logs"}
