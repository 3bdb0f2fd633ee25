"""The apps of a user, and a form for one more."""

from datetime import UTC

from flask import Blueprint, Response, request

from app.db.models.app import apps_of
from app.db.queries.apps_today import apps_today
from app.identity import apps
from app.identity.access import Access
from app.json_models import read_params
from app.web.auth import services
from app.web.console.forms import REFUSALS, problems_of
from app.web.console.page import go, render, signed_in
from app.web.console.page_access import needs
from app.web.console.paging import read_window

blueprint = Blueprint("apps", __name__)


@blueprint.get("/apps")
@needs(Access.USER)
def show() -> Response:
    """All of them, by name; or what to do where there is none."""
    return _page()


@blueprint.post("/apps")
@needs(Access.USER)
def make() -> Response:
    """One more app, which the user owns; on to what to put into it."""
    who, name = signed_in(), request.form.get("name", "")
    try:
        made, _ = apps.make(services(), who.user_id, read_params(apps.AppNamed, {"name": name}))
    except REFUSALS as error:
        return _page(error.status, problems_of(error, ("name",), "name"), name[:200])
    return go("first_crash.show", f"{made.name} is there.", app_identifier=made.identifier)


def _page(status: int = 200, problems: dict[str, str] | None = None, name: str = "") -> Response:
    who, window = signed_in(), read_window(request.args)
    with services().db.read() as session:
        rows = apps_of(session, who.user_id, window.limit, window.offset)
        page = window.page_of(rows)
        today = apps_today(session, [app.id for app in page], services().now().astimezone(UTC).date())
    return render(
        "apps.html",
        status=status,
        rows=page,
        today=today,
        window=window,
        has_next=window.has_next(rows),
        may_make=apps.may_make(services()),
        problems=problems or {},
        name=name,
    )
