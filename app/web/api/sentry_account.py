"""What Sentry's tools ask about the sender and what there is beside releases; what crashq does not keep is an empty list."""

from typing import Any

from pydantic import Field

from app.errors import BadParameters
from app.identity.access import Access
from app.identity.accounts import person_of
from app.identity.keys import app_of_uploader, apps_of_uploader
from app.json_models import ForeignResponse, Time
from app.symbolication.chunks import Uploader
from app.web.api import tags
from app.web.api.resource import BareDocument, Resource
from app.web.api.sentry_releases import AnyPage, Version
from app.web.api.sentry_uploads import Nothing, Organization, Project
from app.web.auth import services, token

SCOPES = ("org:read", "project:read", "project:releases", "project:write")
ONE_ORGANIZATION = "crashq"

resource = Resource("sentry_account", tags.SENTRY, url_prefix="/api/0", strict_slashes=False, access=Access.SENDER)


class SentryUser(ForeignResponse):
    """The member whose token was sent."""

    id: str = Field(examples=["1"])
    email: str


class Scopes(ForeignResponse):
    """What the token may do, in Sentry's words."""

    scopes: list[str] = Field(examples=[list(SCOPES)])


class Info(ForeignResponse):
    """Who asks."""

    version: str = Field(examples=["0"])
    auth: Scopes
    user: SentryUser | None = Field(description="null with an upload key")


class OrganizationBody(ForeignResponse, component="Organization"):
    """The one organization; any other name means the same."""

    id: str = Field(examples=["1"])
    slug: str = Field(examples=[ONE_ORGANIZATION])
    name: str = Field(examples=[ONE_ORGANIZATION])
    date_created: Time = Field(examples=["2018-09-13T12:00:00Z"])
    is_early_adopter: bool = Field(default=False, examples=[False])
    require2_f_a: bool = Field(default=False, alias="require2FA", examples=[False])
    require_email_verification: bool = Field(default=False, examples=[False])
    features: list[str] = Field(default=[], examples=[[]])


class ProjectBody(ForeignResponse, component="Project"):
    """An app."""

    id: str = Field(description="The number at the end of its DSN", examples=["1"])
    slug: str = Field(description="Its identifier", examples=["7b1d4f0a9c3e5d2b8a6f4e1c"])
    name: str = Field(examples=["Notes"])
    date_created: Time = Field(examples=["2018-09-13T12:00:00Z"])
    platform: str | None = Field(default=None, examples=[None])
    teams: list[str] = Field(default=[], examples=[[]])


@resource.get("/", "showSentryInfo", "Who asks", about="The sender")
def info(uploader: Uploader) -> BareDocument[Info]:
    """What a tool checks its token by."""
    person = person_of(services(), token()) if uploader.app is None else None
    user = SentryUser(id=str(person.id), email=person.email) if person else None
    return BareDocument(Info(version="0", auth=Scopes(scopes=list(SCOPES)), user=user))


@resource.get("/organizations/", "listOrganizations", "The one organization", about="It", errors=(400,))
def organizations(uploader: Uploader, query: AnyPage) -> BareDocument[list[OrganizationBody]]:
    """One, for tools that want one."""
    return BareDocument([_organization(uploader)])


@resource.get("/organizations/<organization>/", "showOrganization", "The one organization", about="It")
def organization(uploader: Uploader, organization: Organization) -> BareDocument[OrganizationBody]:
    """The same under any name."""
    return BareDocument(_organization(uploader))


@resource.get(
    "/organizations/<organization>/projects/", "listProjects", "Apps of the sender", about="By name", errors=(400,)
)
def projects(uploader: Uploader, organization: Organization, query: AnyPage) -> BareDocument[list[ProjectBody]]:
    """The apps whose symbols the sender may send."""
    return BareDocument([_project(app) for app in apps_of_uploader(services(), uploader)])


@resource.get(
    "/projects/<organization>/<project>/", "showProject", "An app of the sender", about="The app", errors=(404,)
)
def project(uploader: Uploader, organization: Organization, project: Project) -> BareDocument[ProjectBody]:
    """One of them."""
    return BareDocument(_project(app_of_uploader(services(), uploader, project)))


@resource.get("/organizations/<organization>/repos/", "listRepositories", "Repositories: none is known", about="None",
              errors=(400,))  # fmt: skip
def repositories(uploader: Uploader, organization: Organization, query: AnyPage) -> BareDocument[list[Nothing]]:
    """None, so that tools read commits from the working copy."""
    return BareDocument([])


@resource.get("/organizations/<organization>/releases/<version>/commits/", "listCommits", "Commits: none is kept",
              about="None", errors=(400,))  # fmt: skip
def commits(
    uploader: Uploader, organization: Organization, version: Version, query: AnyPage
) -> BareDocument[list[Nothing]]:
    """None."""
    return BareDocument([])


@resource.get("/organizations/<organization>/releases/<version>/previous-with-commits/", "showReleaseWithCommits",
              "The release before with commits: there is none", about="None")  # fmt: skip
def previous(uploader: Uploader, organization: Organization, version: Version) -> BareDocument[Nothing]:
    """None."""
    return BareDocument(Nothing())


@resource.get("/projects/<organization>/<project>/releases/<version>/files/", "listReleaseFiles",
              "Files of a release: none is kept", about="None", errors=(400, 404))  # fmt: skip
def files(
    uploader: Uploader, organization: Organization, project: Project, version: Version, query: AnyPage
) -> BareDocument[list[Nothing]]:
    """None."""
    app_of_uploader(services(), uploader, project)
    return BareDocument([])


@resource.post("/projects/<organization>/<project>/releases/<version>/files/", "addReleaseFile",
               "Files of a release are not kept: send source maps as a bundle", about="Never", errors=(400, 404))  # fmt: skip
def add_file(
    uploader: Uploader, organization: Organization, project: Project, version: Version
) -> BareDocument[Nothing]:
    """Refused, with what to do instead."""
    app_of_uploader(services(), uploader, project)
    raise BadParameters("Files of a release are not kept; send source maps with `sentry-cli sourcemaps upload`")


def _organization(uploader: Uploader) -> OrganizationBody:
    apps = apps_of_uploader(services(), uploader)
    created = min((app.created_at for app in apps), default=services().now())
    return OrganizationBody(id="1", slug=ONE_ORGANIZATION, name=ONE_ORGANIZATION, date_created=created)


def _project(app: Any) -> ProjectBody:
    return ProjectBody(id=str(app.id), slug=app.identifier, name=app.name, date_created=app.created_at)
