"""Who may see an app, and in which role."""

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.db.models.membership import Role
from app.errors import BadParameters, Conflict, TooManyRequests
from app.identity import invitations, members
from app.identity.access import Access
from app.identity.account_mails import mail_invitation
from app.json_models import read_params
from app.web.auth import base_url, services
from app.web.console.forms import REFUSALS, problems_of
from app.web.console.page import app_of, go, signed_in
from app.web.console.page_access import needs
from app.web.console.paging import read_window
from app.web.console.settings_frame import render_section

blueprint = Blueprint("settings_members", __name__)

PHRASES = {Role.VIEWER: "a viewer", Role.MEMBER: "a member", Role.OWNER: "an owner"}
CHOICES = (("viewer", "Viewer: sees the app"), ("member", "Member: does the daily work"), ("owner", "Owner: may all"))


@blueprint.get("/apps/<app_identifier>/settings/members")
@needs(Access.VIEWER)
def show(app_identifier: str) -> Response:
    """By e-mail, and a form for one more."""
    return _page(app_of(app_identifier))


@blueprint.post("/apps/<app_identifier>/settings/members")
@needs(Access.OWNER)
def add(app_identifier: str) -> Response:
    """Let a user see the app."""
    app, email = app_of(app_identifier), request.form.get("email", "")
    try:
        added = members.add(services(), app, email, _role())
    except REFUSALS as error:
        return _page(app, error.status, problems_of(error, ("email",), "email"), email[:254])
    return go("settings_members.show", f"{added.email} sees this app now.", app_identifier=app.identifier)


@blueprint.post("/apps/<app_identifier>/settings/members/role")
@needs(Access.OWNER)
def change(app_identifier: str) -> Response:
    """Give a member another role."""
    app = app_of(app_identifier)
    try:
        changed = members.change(services(), app, request.form.get("email", ""), _role())
    except Conflict as error:
        return go("settings_members.show", f"{error.message}.", "bad", app_identifier=app.identifier)
    said = f"{changed.email} is {PHRASES[changed.role]} now."
    return go("settings_members.show", said, app_identifier=app.identifier)


@blueprint.post("/apps/<app_identifier>/settings/members/remove")
@needs(Access.VIEWER)
def remove(app_identifier: str) -> Response:
    """Let a member see the app no more, by an owner or themselves; who removes themselves is led to their other apps."""
    app, email = app_of(app_identifier), request.form.get("email", "")
    try:
        members.remove(services(), app, email, signed_in().user_id)
    except Conflict as error:
        return go("settings_members.show", f"{error.message}.", "bad", app_identifier=app.identifier)
    if email.lower() == signed_in().user.email:
        return go("apps.show", f"You see {app.name} no more.", "plain")
    return go("settings_members.show", f"{email} sees this app no more.", app_identifier=app.identifier)


@blueprint.post("/apps/<app_identifier>/settings/members/invite")
@needs(Access.OWNER)
def invite(app_identifier: str) -> Response:
    """Make a link by which somebody joins; the page shows it once."""
    app, who, email = app_of(app_identifier), signed_in(), request.form.get("invited", "").strip()
    try:
        role = request.form.get("invited_role", Role.MEMBER.value)
        wanted = read_params(invitations.NewInvitation, {"role": role, "email": email or None})
        made, secret = invitations.invite(services(), app, wanted, who.user_id)
    except (*REFUSALS, TooManyRequests) as error:
        return _page(app, error.status, {"invited": problems_of(error, ("email",), "email").popitem()[1]}, given=email)
    url = f"{base_url()}/invitations/{secret}"
    mail_invitation(services(), app, made.email, secret)
    return _page(app, url=url)


@blueprint.post("/apps/<app_identifier>/settings/members/invitations/<invitation_identifier>/end")
@needs(Access.OWNER)
def end_invitation(app_identifier: str, invitation_identifier: str) -> Response:
    """Let nobody join by an invitation any more."""
    app = app_of(app_identifier)
    invitations.end(services(), app, invitation_identifier)
    return go("settings_members.show", "The invitation has ended.", app_identifier=app.identifier)


def _page(
    app: App,
    status: int = 200,
    problems: dict[str, str] | None = None,
    email: str = "",
    *,
    given: str = "",
    url: str = "",
) -> Response:
    window = read_window(request.args)
    rows = members.list_members(services(), app, window.limit, window.offset)
    return render_section(
        "settings_members.html",
        "settings_members.show",
        app,
        status=status,
        rows=window.page_of(rows),
        window=window,
        has_next=window.has_next(rows),
        problems=problems or {},
        email=email,
        given=given[:254],
        url=url,
        invited=invitations.list_invitations(services(), app, invitations.MOST_PER_APP, 0),
        roles=[role.value for role in Role],
        role_choices=CHOICES,
        chosen_role=request.form.get("role", Role.MEMBER.value),
    )


def _role() -> Role:
    """The role that the form chooses. Raises BadParameters."""
    try:
        return Role(request.form.get("role", Role.MEMBER.value))
    except ValueError:
        raise BadParameters(f"role is not one of {', '.join(Role)}") from None
