"""Endpoints for Bugsnag's notifiers: events and sessions."""

from functools import partial
from typing import Literal

from pydantic import Field

from app.identity.access import Access
from app.ingest.bugsnag import logs_of_payload, read_session_payload, read_sessions_of_events
from app.ingest.receive import receive_each
from app.ingest.sessions import receive_sessions
from app.json_models import ResponseBody
from app.web.api import tags
from app.web.api.body import unpacked_body
from app.web.api.cors import share
from app.web.api.resource import Resource
from app.web.api.sender_key import ANY_ORIGIN, ERRORS, Project, an_object, sender_of, sent
from app.web.auth import services

resource = Resource(
    "bugsnag", tags.SENDERS, url_prefix="/api/<int:project>/bugsnag", strict_slashes=False, access=Access.SENDER
)
resource.after_request(share)

_PAYLOAD = {
    "payloadVersion": "5",
    "notifier": {"name": "Bugsnag Python", "version": "4.9.2", "url": "https://github.com/bugsnag/bugsnag-python"},
    "events": [
        {
            "severity": "error",
            "unhandled": True,
            "exceptions": [{"errorClass": "IndexError", "message": "list index out of range", "stacktrace": []}],
        }
    ],
}
_SESSIONS = {
    "app": {"version": "2.4.0", "releaseStage": "production"},
    "sessionCounts": [{"startedAt": "2018-09-13T11:59:00Z", "sessionsStarted": 4}],
}


class ReceivedLogs(ResponseBody):
    """Logs that are stored, one for each crash report; a worker digests them."""

    log_ids: list[str] = Field(examples=[["bugsnag-9f86d081884c7d659a2feaa0c55ad015"]])
    status: Literal["received"] = "received"


class ReceivedSessions(ResponseBody):
    """Sessions that are stored; a worker counts them."""

    status: Literal["received"] = "received"


class Dropped(ResponseBody):
    """What was taken and not kept."""

    status: Literal["dropped"] = "dropped"


@resource.post(
    "/", "sendBugsnagEvents", "Bugsnag's notifiers: `endpoints.notify`", about="Stored; a worker digests them",
    errors=ERRORS, more=sent({"application/json": an_object(_PAYLOAD)}, description=ANY_ORIGIN),
)  # fmt: skip
def notify(project: Project) -> ReceivedLogs:
    """Store each event of the payload."""
    app = sender_of(project)
    content = unpacked_body()
    received = ReceivedLogs(log_ids=receive_each(services(), app, logs_of_payload(content)))
    receive_sessions(services(), app, partial(read_sessions_of_events, content))
    return received


@resource.post(
    "/sessions/", "sendBugsnagSessions", "Bugsnag's notifiers: `endpoints.sessions`", status=202,
    about="Stored; a worker counts them", errors=ERRORS,
    more=sent({"application/json": an_object(_SESSIONS)}, description=ANY_ORIGIN),
)  # fmt: skip
def sessions(project: Project) -> ReceivedSessions:
    """Store what the payload says of sessions. Those that are too many for a minute are dropped."""
    app = sender_of(project)
    receive_sessions(services(), app, partial(read_session_payload, unpacked_body()))
    return ReceivedSessions()
