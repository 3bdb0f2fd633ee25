"""Releases that build tools declare: their names, when they were made and released, and where they were deployed.

Their commits and files are not kept: source maps are files of symbols.
"""

import json
from typing import Any

from app import iso_time
from app.db.models.app import App
from app.db.models.declared_release import (
    MAX_URL,
    MAX_VERSION,
    DeclaredRelease,
    declare,
    declared_releases,
    drop_release,
)
from app.errors import BadParameters, NotFound
from app.services import Services

SHOWN = 1_000  # releases of a list
MOST_DEPLOYS = 50  # of a release; the oldest goes for one more
MAX_TEXT = 200  # characters of what a deploy says
NO_RELEASE = "Release not found"


def declare_release(
    services: Services, apps: list[App], version: str, url: str | None, released: str | None
) -> tuple[list[DeclaredRelease], bool]:
    """The release of each app, and whether one is new; `url` and `released` (ISO 8601) are set where given.

    Raises BadParameters.
    """
    check_version(version)
    values = _changes(url, released)
    with services.db.write() as session:
        made = [declare(session, app.id, version, services.now()) for app in sorted(apps, key=lambda one: one.id)]
        for release, _ in made:
            for name, value in values.items():
                setattr(release, name, value)
        session.flush()
    return [release for release, _ in made], any(is_new for _, is_new in made)


def change_release(
    services: Services, apps: list[App], version: str, url: str | None, released: str | None
) -> list[DeclaredRelease]:
    """Set what is given of a release that is there. Raises NotFound or BadParameters."""
    find_release(services, apps, version)
    values = _changes(url, released)
    with services.db.write() as session:
        found = declared_releases(session, [app.id for app in apps], SHOWN, version)
        for release in found:
            for name, value in values.items():
                setattr(release, name, value)
        session.flush()
    return found


def list_releases(services: Services, apps: list[App]) -> list[DeclaredRelease]:
    """The releases of apps, newest first; the first thousand."""
    with services.db.read() as session:
        return declared_releases(session, [app.id for app in apps], SHOWN)


def find_release(services: Services, apps: list[App], version: str) -> list[DeclaredRelease]:
    """A release of each of the apps that has it. Raises NotFound."""
    with services.db.read() as session:
        found = declared_releases(session, [app.id for app in apps], SHOWN, version) if _is_storable(version) else []
    if not found:
        raise NotFound(NO_RELEASE)
    return found


def delete_release(services: Services, apps: list[App], version: str) -> None:
    """Forget a release; its symbols and crashes stay. Raises NotFound."""
    find_release(services, apps, version)
    with services.db.write() as session:
        drop_release(session, [app.id for app in apps], version)


def add_deploy(services: Services, apps: list[App], version: str, deploy: dict[str, str | None]) -> dict[str, Any]:
    """Keep a deploy of a release that is there. Raises NotFound or BadParameters."""
    find_release(services, apps, version)
    if any(value is not None and (len(value) > MAX_TEXT or not _is_storable(value)) for value in deploy.values()):
        raise BadParameters(f"What a deploy says has at most {MAX_TEXT} characters, none of them control characters")
    kept: dict[str, Any] = dict(deploy)
    for name in ("date_started", "date_finished"):
        time = iso_time.since(name, deploy.get(name))
        kept[name] = iso_time.rfc3339(time) if time else None
    kept["date_finished"] = kept["date_finished"] or iso_time.rfc3339(services.now())
    with services.db.write() as session:
        for release in declared_releases(session, [app.id for app in apps], SHOWN, version):
            release.deploys = json.dumps([*deploys_of(release), kept][-MOST_DEPLOYS:])
    return kept


def deploys_of(release: DeclaredRelease) -> list[dict[str, Any]]:
    """What is kept of its deploys, the oldest first."""
    found: list[dict[str, Any]] = json.loads(release.deploys or "[]")
    return found


def check_version(version: str) -> None:
    """Raises BadParameters for what cannot be the name of a release."""
    if (
        not version
        or len(version) > MAX_VERSION
        or version in (".", "..")
        or not _is_storable(version)
        or "/" in version
    ):
        raise BadParameters(
            f"version has to have 1 to {MAX_VERSION} characters, none of them a slash or a control character"
        )


def _changes(url: str | None, released: str | None) -> dict[str, Any]:
    if url is not None and (len(url) > MAX_URL or not _is_storable(url)):
        raise BadParameters(f"url has to have at most {MAX_URL} characters, none of them control characters")
    told = {"url": url, "released_at": iso_time.since("dateReleased", released)}
    return {name: value for name, value in told.items() if value is not None}


def _is_storable(text: str) -> bool:
    return not any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in text)
