"""Members of an app and their roles, which its owners add, change and remove."""

from typing import Annotated, Literal

from pydantic import Field

from app.db.models.app import App
from app.db.models.membership import Role
from app.identity import members
from app.identity.access import Access
from app.json_models import RequestBody, ResponseBody
from app.web.api import tags
from app.web.api.resource import Page, Paging, Resource
from app.web.auth import services

resource = Resource("members", tags.ACCESS, url_prefix="/api/apps/<app_identifier>/members", access=Access.OWNER)
Email = Annotated[str, Field(description="Of a member")]
RoleName = Annotated[
    Literal["viewer", "member", "owner"], Field(description="Each may do what those before it may", examples=["member"])
]


class MemberBody(ResponseBody, component="Member"):
    """Somebody who may see the app."""

    email: str
    role: Role = Field(description="What they may do", examples=["member"])


class NewMember(RequestBody):
    """Who is to see the app, and in which role."""

    email: str
    role: RoleName = "member"


class RoleChange(RequestBody):
    """The role that a member is to have."""

    role: RoleName


@resource.get("", "listMembers", "Who may see an app", about="By e-mail", access=Access.VIEWER)
def list_all(app: App, paging: Paging) -> Page[MemberBody]:
    """Who may see the app, by e-mail."""
    rows = members.list_members(services(), app, paging.limit, paging.offset)
    return Page.of(rows, paging, MemberBody.of)


@resource.post("", "addMember", "Let a user see an app", status=201, about="The member", errors=(409, 429))
def add(app: App, body: NewMember) -> MemberBody:
    """Let a user see the app."""
    return MemberBody.of(members.add(services(), app, body.email, Role(body.role)))


@resource.patch(
    "/<path:email>", "changeMember", "Give a member another role; not the last owner", about="The member", errors=(409,)
)
def change(app: App, email: Email, body: RoleChange) -> MemberBody:
    """Give a member another role."""
    return MemberBody.of(members.change(services(), app, email, Role(body.role)))


@resource.delete(
    "/<path:email>", "removeMember", "Let a member see an app no more, or leave it; not the last owner", about="Done",
    access=Access.VIEWER, errors=(409,),
)  # fmt: skip
def remove(app: App, user: int, email: Email) -> None:
    """Let a member see the app no more. Others than the user are removed by owners only."""
    members.remove(services(), app, email, user)
