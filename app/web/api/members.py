"""Members of an app. Any of them may add and remove others."""

from typing import Annotated

from pydantic import Field

from app.db.models.app import App
from app.identity import members
from app.json_models import RequestBody, ResponseBody
from app.web.api import tags
from app.web.api.resource import Page, Paging, Resource
from app.web.auth import services

resource = Resource("members", tags.ACCESS, url_prefix="/api/apps/<app_identifier>/members")


class MemberBody(ResponseBody, component="Member"):
    """Somebody who may see the app."""

    email: str


class NewMember(RequestBody):
    """Who is to see the app."""

    email: str


@resource.get("", "listMembers", "Who may see an app", about="By e-mail")
def list_all(app: App, paging: Paging) -> Page[MemberBody]:
    """Who may see the app, by e-mail."""
    rows = members.list_members(services(), app, paging.limit, paging.offset)
    return Page.of(rows, paging, lambda email: MemberBody(email=email))


@resource.post("", "addMember", "Let a user see an app", status=201, about="The member", errors=(409,))
def add(app: App, body: NewMember) -> MemberBody:
    """Let a user see the app."""
    return MemberBody(email=members.add(services(), app, body.email))


@resource.delete(
    "/<path:email>", "removeMember", "Let a member see an app no more; not the last one", about="Done", errors=(409,)
)
def remove(app: App, email: Annotated[str, Field(description="Of a member")]) -> None:
    """Let a member see the app no more."""
    members.remove(services(), app, email)
