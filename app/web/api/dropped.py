"""Sentry's endpoints for what is no crash: it is taken and dropped, so that nothing is tried again."""

from app.identity.access import Access
from app.web.api import tags
from app.web.api.body import unpacked_body
from app.web.api.bugsnag import Dropped
from app.web.api.openapi.words import TEXT
from app.web.api.resource import Resource
from app.web.api.sender_key import ERRORS, Project, an_object, sender_of, sent

resource = Resource(
    "dropped", tags.SENDERS, url_prefix="/api/<int:project>", strict_slashes=False, access=Access.SENDER
)

_ABOUT = "Taken and dropped"
_CSP = {"csp-report": {"document-uri": "https://notes.example.com/", "violated-directive": "img-src"}}
_FORM = {"type": "object", "additionalProperties": TEXT}
_FEEDBACK = {"event_id": "9ec79c33ec9942ab8353589fcb2e04dc", "comments": "It was gone"}


@resource.post(
    "/security/", "sendSecurityReport", "Security reports of browsers: `report-uri`", about=_ABOUT, errors=ERRORS,
    more=sent({"application/json": an_object(_CSP), "application/octet-stream": {}}),
)  # fmt: skip
def security(project: Project) -> Dropped:
    """Read the report and keep nothing of it."""
    return _drop(project)


@resource.post(
    "/user-report/", "sendUserReport", "What a user says about an event", about=_ABOUT, errors=ERRORS,
    more=sent({"application/json": an_object(_FEEDBACK), "application/x-www-form-urlencoded": _FORM}),
)  # fmt: skip
def user_report(project: Project) -> Dropped:
    """Read the report and keep nothing of it."""
    return _drop(project)


def _drop(project: int) -> Dropped:
    sender_of(project)
    unpacked_body()
    return Dropped()
