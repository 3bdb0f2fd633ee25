"""Invitations to an app: links by which somebody becomes a member."""

from typing import Annotated

from pydantic import Field

from app.db.models.account_link import AccountLink
from app.db.models.app import App
from app.db.models.membership import Role
from app.identity import invitations
from app.identity.access import Access
from app.identity.account_mails import mail_invitation
from app.json_models import ResponseBody, Time
from app.web.api import tags
from app.web.api.resource import Answer, Page, Paging, Resource
from app.web.auth import base_url, services

resource = Resource(
    "invitations", tags.ACCESS, url_prefix="/api/apps/<app_identifier>/invitations", access=Access.OWNER
)
_INVITED = "ada@example.com"


class InvitationBody(ResponseBody, component="Invitation"):
    """An invitation without its link."""

    identifier: str = Field(examples=["2f6c1e8a9b0d4c7e5f3a1b2c"])
    role: Role = Field(examples=["member"])
    email: str | None = Field(
        description="The only one that may join; null: anybody who has an account", examples=[_INVITED]
    )
    created_at: Time
    expires_at: Time


class NewInvitationBody(InvitationBody, component="NewInvitation"):
    """An invitation that has just been made, with its link."""

    url: str = Field(
        description="Shown only here; it works once", examples=["https://crashes.example.com/invitations/k3J…"]
    )


@resource.get("", "listInvitations", "Invitations that have not ended", about="Newest first")
def list_all(app: App, paging: Paging) -> Page[InvitationBody]:
    """The invitations of an app that have not ended."""
    rows = invitations.list_invitations(services(), app, paging.limit, paging.offset)
    return Page.of(rows, paging, InvitationBody.of)


@resource.post(
    "", "invite", "Make a link by which somebody joins the app", status=201, about="The invitation", errors=(409, 429),
    headers="Cache-Control", by_key=False,
)  # fmt: skip
def invite(app: App, user: int, body: invitations.NewInvitation) -> Answer[NewInvitationBody]:
    """Make an invitation; only this response has its link."""
    made, secret = invitations.invite(services(), app, body, user)
    mail_invitation(services(), app, made.email, secret)
    return Answer(_new(made, secret), {"Cache-Control": "no-store"})


@resource.delete("/<invitation_identifier>", "endInvitation", "Let nobody join by an invitation", about="Ended")
def end(app: App, invitation_identifier: Annotated[str, Field(description="From the list of invitations")]) -> None:
    """Let nobody join by an invitation any more."""
    invitations.end(services(), app, invitation_identifier)


def _new(made: AccountLink, secret: str) -> NewInvitationBody:
    return NewInvitationBody.of(made, url=f"{base_url()}/invitations/{secret}")
