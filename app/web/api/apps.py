"""Apps of a user, and the crashes of an app."""

from flask import request
from pydantic import Field

from app.catalog import CrashQuery, ListedCrash, crash_page
from app.db.models.app import App, apps_of
from app.db.models.crash import CrashState
from app.identity import accounts, apps
from app.identity.access import Access
from app.json_models import ResponseBody, Time
from app.web.api import tags
from app.web.api.crashes import IgnoredUntilBody, ignored_until
from app.web.api.resource import Page, Paging, Resource
from app.web.auth import services

resource = Resource("apps", tags.APPS, url_prefix="/api", access=Access.VIEWER)


class AppBody(ResponseBody, component="App"):
    """An app that the user is a member of."""

    identifier: str = Field(examples=["7b1d4f0a9c3e5d2b8a6f4e1c"])
    name: str
    created_at: Time


class NewAppBody(AppBody):
    """An app that has just been made."""

    ingest_key: str = Field(description="Members see it again", examples=["0123456789abcdef0123456789abcdef"])
    dsn: str


class CrashBody(ResponseBody, component="Crash"):
    """A crash in a list."""

    identifier: str
    title: str
    first_seen: Time
    last_seen: Time
    occurrences_count: int = Field(description="Of the chosen time and filters")
    state: CrashState
    resolved_in: str | None = Field(description="A version, or `next`; null: resolved now, or not resolved")
    ignored_until: IgnoredUntilBody | None = Field(description="null: for good, or not ignored", examples=[None])
    assignee: str | None = Field(description="E-mail", examples=["ada@example.com"])
    regressed_at: Time | None = Field(description="When it came back; null once people have changed its state")
    users: int | None = Field(description="As `occurrences_count`, with `sort=users`; else null", examples=[None])


@resource.get("/apps", "listApps", "Apps that you may see", access=Access.USER, about="By name")
def list_apps(user: int, paging: Paging) -> Page[AppBody]:
    """The apps that the user is a member of, by name."""
    with services().db.read() as session:
        return Page.of(apps_of(session, user, paging.limit, paging.offset), paging, AppBody.of)


@resource.post(
    "/apps", "addApp", "Make an app, which you own", status=201, about="The app and its first ingest key",
    errors=(403, 409), access=Access.USER,
)  # fmt: skip
def add_app(user: int, body: apps.AppNamed) -> NewAppBody:
    """Make an app that the user owns."""
    made, key = apps.make(services(), user, body)
    return NewAppBody.of(
        made, ingest_key=key, dsn=accounts.sender_address(services().config, made.id, key, request.url_root)
    )


@resource.patch("/apps/<app_identifier>", "renameApp", "Rename an app", about="The app", access=Access.OWNER)
def rename_app(app: App, body: apps.AppNamed) -> AppBody:
    """Give an app another name."""
    return AppBody.of(apps.rename(services(), app, body))


@resource.delete(
    "/apps/<app_identifier>", "removeApp", "Remove an app for everybody; its data goes in the background",
    about="Gone", access=Access.OWNER,
)  # fmt: skip
def remove_app(app: App) -> None:
    """Remove an app with all that belongs to it."""
    apps.remove(services(), app)


@resource.get("/apps/<app_identifier>/crashes", "listCrashes", "Crashes of an app", about="By `sort`")
def list_crashes(app: App, user: int, paging: Paging, query: CrashQuery) -> Page[CrashBody]:
    """The crashes of an app that are wanted, by `sort`."""
    with services().db.read() as session:
        page = crash_page(session, app.id, query, paging.limit, paging.offset, user)
    return Page(page.rows, [_crash(one) for one in page.shown], paging)


def _crash(one: ListedCrash) -> CrashBody:
    return CrashBody.of(
        one.crash,
        **one.match.counts(),
        title=one.title,
        resolved_in=one.resolved_in,
        ignored_until=ignored_until(one.crash),
        assignee=one.assignee,
    )
