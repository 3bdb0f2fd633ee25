"""Apps of a user, and the crashes of an app."""

from flask import Blueprint, Response, request

from app import accounts, iso_time
from app.api import answers
from app.api.context import services, user_id
from app.api.page_window import link_next, window
from app.db.app import apps_of
from app.jobs.crash_list import crash_page, read_crash_query

blueprint = Blueprint("apps", __name__, url_prefix="/api")


@blueprint.get("/apps")
def list_apps() -> Response:
    """The apps that the user is a member of, by name."""
    user, query = user_id(), request.args.to_dict()
    limit, offset = window(query)
    with services().db.read() as session:
        rows = apps_of(session, user, limit, offset)
    result = [
        {"identifier": app.identifier, "name": app.name, "created_at": iso_time.rfc3339(app.created_at)}
        for app in rows[: limit - 1]
    ]
    return link_next(answers.success(result), rows, query)


@blueprint.get("/apps/<app_identifier>/crashes")
def list_crashes(app_identifier: str) -> Response:
    """The crashes of an app that are wanted, by `sort`."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    query = request.args.to_dict()
    limit, offset = window(query)
    crash_query = read_crash_query(query)
    with services().db.read() as session:
        page = crash_page(session, app.id, crash_query, limit, offset)
    result = [
        {
            "identifier": crash.identifier,
            "title": title,
            "first_seen": iso_time.rfc3339(crash.first_seen),
            "last_seen": iso_time.rfc3339(crash.last_seen),
            "occurrences_count": crash.occurrences_count,
        }
        for crash, title in page.shown
    ]
    return link_next(answers.success(result), page.rows, query)
