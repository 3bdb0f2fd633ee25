"""Releases as Sentry's tools declare them, for one app or for several. Their commits and files are not kept."""

from typing import Annotated

from pydantic import Field

from app import declared_releases as releases
from app.db.models.app import App
from app.db.models.declared_release import DeclaredRelease
from app.errors import BadParameters
from app.identity.access import Access
from app.identity.keys import app_of_uploader, apps_of_uploader
from app.json_models import ForeignRequest, ForeignResponse, Query, Time
from app.symbolication.chunks import Uploader
from app.web.api import tags
from app.web.api.resource import BareDocument, Resource
from app.web.api.sentry_uploads import MAX_BODY, Nothing, Organization, Project
from app.web.auth import services

ALL = "/organizations/<organization>/releases/"
ONE = f"{ALL}<version>/"
OF_APP = "/projects/<organization>/<project>/releases/"
ONE_OF_APP = f"{OF_APP}<version>/"
ARCHIVED = "archived"

resource = Resource("sentry_releases", tags.SENTRY, url_prefix="/api/0", strict_slashes=False, access=Access.SENDER)
Version = Annotated[str, Field(description="Name of the release", examples=["com.example.notes@1.2"])]
_URL = Annotated[str | None, Field(examples=["https://example.com/notes/1.2"])]


class AnyPage(Query):
    """What tools ask a list for; each list has one page."""

    cursor: str = Field(default="", description="Ignored: there is one page", examples=[""])
    per_page: str = Field(default="", description="Ignored", examples=["100"])
    query: str = Field(default="", description="Ignored", examples=[""])


class ProjectName(ForeignResponse):
    """An app that has a release."""

    id: str = Field(examples=["1"])
    slug: str = Field(examples=["7b1d4f0a9c3e5d2b8a6f4e1c"])
    name: str = Field(examples=["Notes"])


class ReleaseBody(ForeignResponse, component="DeclaredRelease"):
    """A release that a build tool has declared."""

    version: Version
    url: _URL
    status: str = Field(default="open", examples=["open"])
    date_created: Time = Field(examples=["2018-09-13T12:00:00Z"])
    date_released: Time | None = Field(examples=["2018-09-13T12:00:00Z"])
    commit_count: int = Field(default=0, description="Commits are not kept", examples=[0])
    deploy_count: int = Field(examples=[1])
    projects: list[ProjectName]


class DeployBody(ForeignResponse, component="Deploy"):
    """A deploy of a release."""

    environment: str = Field(examples=["production"])
    name: str | None = Field(examples=["Blue"])
    url: _URL
    date_started: str | None = Field(examples=["2018-09-13T12:00:00Z"])
    date_finished: str | None = Field(examples=["2018-09-13T12:00:00Z"])


class ChangedRelease(ForeignRequest):
    """What a release says of itself; commits and their references are not kept."""

    url: _URL = None
    date_released: str | None = Field(default=None, examples=["2018-09-13T12:00:00Z"])
    status: str | None = Field(default=None, description="`archived` is refused", examples=["open"])


class NewRelease(ChangedRelease):
    """A release of an app."""

    version: Version


class NewReleaseOfApps(NewRelease):
    """A release of several apps."""

    projects: list[str] = Field(default=[], max_length=20, examples=[["7b1d4f0a9c3e5d2b8a6f4e1c"]])


class NewDeploy(ForeignRequest):
    """A deploy of a release."""

    environment: str = Field(min_length=1, examples=["production"])
    name: str | None = Field(default=None, examples=["Blue"])
    url: _URL = None
    date_started: str | None = Field(default=None, examples=["2018-09-13T12:00:00Z"])
    date_finished: str | None = Field(default=None, examples=["2018-09-13T12:00:00Z"])


@resource.get(
    ALL, "listDeclaredReleases", "Releases that build tools have declared", about="Newest first", errors=(400,)
)
def list_all(uploader: Uploader, organization: Organization, query: AnyPage) -> BareDocument[list[ReleaseBody]]:
    """Those of all apps that the sender may see, each once."""
    return BareDocument(_bodies(apps_of_uploader(services(), uploader)))


@resource.get(OF_APP, "listDeclaredReleasesOfApp", "Those of an app", about="Newest first", errors=(400, 404))
def list_of_app(
    uploader: Uploader, organization: Organization, project: Project, query: AnyPage
) -> BareDocument[list[ReleaseBody]]:
    """Those of one app."""
    return BareDocument(_bodies([app_of_uploader(services(), uploader, project)]))


@resource.post(ALL, "declareRelease", "Declare a release, or change what it says", about="It was there",
               errors=(400, 404), max_body=MAX_BODY, also=(201,))  # fmt: skip
def add(uploader: Uploader, organization: Organization, body: NewReleaseOfApps) -> BareDocument[ReleaseBody]:
    """Declare a release of the apps that are named; with an upload key, of its app."""
    apps = [app_of_uploader(services(), uploader, one) for one in dict.fromkeys(body.projects)]
    if not apps and uploader.app is None:
        raise BadParameters("projects: name the apps that the release is of")
    return _declared(apps or apps_of_uploader(services(), uploader), body)


@resource.post(OF_APP, "declareReleaseOfApp", "Declare a release of an app, or change what it says",
               about="It was there", errors=(400, 404), max_body=MAX_BODY, also=(201,))  # fmt: skip
def add_to_app(
    uploader: Uploader, organization: Organization, project: Project, body: NewRelease
) -> BareDocument[ReleaseBody]:
    """Declare a release of one app."""
    return _declared([app_of_uploader(services(), uploader, project)], body)


@resource.get(ONE, "showDeclaredRelease", "A release", about="The release", errors=(404,))
def show(uploader: Uploader, organization: Organization, version: Version) -> BareDocument[ReleaseBody]:
    """The release, of whatever apps have it."""
    return _release_body(apps_of_uploader(services(), uploader), version)


@resource.get(ONE_OF_APP, "showDeclaredReleaseOfApp", "A release of an app", about="The release", errors=(404,))
def show_of_app(
    uploader: Uploader, organization: Organization, project: Project, version: Version
) -> BareDocument[ReleaseBody]:
    """The release of one app."""
    return _release_body([app_of_uploader(services(), uploader, project)], version)


@resource.put(ONE, "changeDeclaredRelease", "Change what a release says", about="The release", errors=(404,),
              max_body=MAX_BODY)  # fmt: skip
def change(
    uploader: Uploader, organization: Organization, version: Version, body: ChangedRelease
) -> BareDocument[ReleaseBody]:
    """Set what is given, such as when it was released."""
    return _changed(apps_of_uploader(services(), uploader), version, body)


@resource.put(ONE_OF_APP, "changeDeclaredReleaseOfApp", "Change what a release says of an app", about="The release",
              errors=(404,), max_body=MAX_BODY)  # fmt: skip
def change_of_app(
    uploader: Uploader, organization: Organization, project: Project, version: Version, body: ChangedRelease
) -> BareDocument[ReleaseBody]:
    """Set what is given, of one app."""
    return _changed([app_of_uploader(services(), uploader, project)], version, body)


@resource.delete(ONE, "deleteDeclaredRelease", "Forget a release", about="Forgotten", errors=(404,))
def remove(uploader: Uploader, organization: Organization, version: Version) -> BareDocument[Nothing]:
    """Forget a release; symbols and crashes stay."""
    releases.delete_release(services(), apps_of_uploader(services(), uploader), version)
    return BareDocument(Nothing())


@resource.delete(
    ONE_OF_APP, "deleteDeclaredReleaseOfApp", "Forget a release of an app", about="Forgotten", errors=(404,)
)
def remove_of_app(
    uploader: Uploader, organization: Organization, project: Project, version: Version
) -> BareDocument[Nothing]:
    """The same, of one app."""
    releases.delete_release(services(), [app_of_uploader(services(), uploader, project)], version)
    return BareDocument(Nothing())


@resource.get(f"{ONE}deploys/", "listDeploys", "Deploys of a release", about="Newest first", errors=(400, 404))
def deploys(
    uploader: Uploader, organization: Organization, version: Version, query: AnyPage
) -> BareDocument[list[DeployBody]]:
    """The deploys that are kept."""
    found = releases.find_release(services(), apps_of_uploader(services(), uploader), version)
    return BareDocument([DeployBody(**one) for one in reversed(releases.deploys_of(found[0]))])


@resource.post(f"{ONE}deploys/", "addDeploy", "Tell of a deploy", status=201, about="Kept", errors=(404,))
def add_deploy(
    uploader: Uploader, organization: Organization, version: Version, body: NewDeploy
) -> BareDocument[DeployBody]:
    """Keep a deploy."""
    apps = apps_of_uploader(services(), uploader)
    return BareDocument(DeployBody(**releases.add_deploy(services(), apps, version, body.model_dump())))


def _declared(apps: list[App], body: NewRelease) -> BareDocument[ReleaseBody]:
    _check_status(body)
    made, is_new = releases.declare_release(services(), apps, body.version, body.url, body.date_released)
    return BareDocument(_body(made, {app.id: app for app in apps}), 201 if is_new else 200)


def _release_body(apps: list[App], version: str) -> BareDocument[ReleaseBody]:
    return BareDocument(_body(releases.find_release(services(), apps, version), {app.id: app for app in apps}))


def _changed(apps: list[App], version: str, body: ChangedRelease) -> BareDocument[ReleaseBody]:
    _check_status(body)
    made = releases.change_release(services(), apps, version, body.url, body.date_released)
    return BareDocument(_body(made, {app.id: app for app in apps}))


def _check_status(body: ChangedRelease) -> None:
    """Raises BadParameters for what would be lost in silence."""
    if body.status == ARCHIVED:
        raise BadParameters(
            "Releases are not archived; `sentry-cli releases delete` forgets one, and keeps its symbols"
        )


def _bodies(apps: list[App]) -> list[ReleaseBody]:
    by_version: dict[str, list[DeclaredRelease]] = {}
    for one in releases.list_releases(services(), apps):
        by_version.setdefault(one.version, []).append(one)
    known = {app.id: app for app in apps}
    return [_body(found, known) for found in by_version.values()]


def _body(found: list[DeclaredRelease], apps: dict[int, App]) -> ReleaseBody:
    first = min(found, key=lambda one: one.id)
    named = [apps[one.app_id] for one in found]
    return ReleaseBody(
        version=first.version,
        url=first.url,
        date_created=first.created_at,
        date_released=first.released_at,
        deploy_count=len(releases.deploys_of(first)),
        projects=[ProjectName(id=str(app.id), slug=app.identifier, name=app.name) for app in named],
    )
