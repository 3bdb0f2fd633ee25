"""Data exporters as their owners make and change them."""

import secrets
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app import iso_time
from app.db import AGAINST_CHANGES, Session
from app.db.models.app import MAX_NAME, App, app_and_role
from app.db.models.audit_entry import record, with_names
from app.db.models.data_exporter import (
    MAX_BUCKET,
    MAX_SUBFOLDER,
    DataExporter,
    DataExporterRun,
    apps_covered,
    count_exporters,
    cover,
    drop_exporter,
    exporters_of,
    find_exporter,
    runs_of,
)
from app.db.models.membership import Role
from app.db.models.user import User
from app.errors import BadParameters, Conflict, NotFound
from app.identity.access import require
from app.jobs.access import AppNotFound
from app.jobs.exporter_runs import PERIODS
from app.json_models import RequestBody
from app.services import Services
from app.storage_keys import KEY_PART

MOST_PER_USER, MOST_APPS = 50, 100
DATA = ("crashes",)

Format = Literal["ndjson", "csv", "parquet", "zip"]
Frequency = Literal["daily", "weekly"]


class ExporterChange(RequestBody, change=True):
    """What of an exporter is to be changed: only what is given."""

    name: str = Field(default="", min_length=1, max_length=MAX_NAME, examples=["Nightly"])
    active: bool = True
    apps: list[str] = Field(default=[], min_length=1, max_length=MOST_APPS, description="Identifiers")
    bucket_name: str = Field(default="", min_length=1, max_length=MAX_BUCKET)
    subfolder: str = Field(default="", max_length=MAX_SUBFOLDER)
    exported_data: list[Literal["crashes"]] = Field(default=["crashes"], min_length=1, max_length=len(DATA))
    frequency: Frequency = "daily"
    format: Format = "ndjson"


class NewExporter(ExporterChange):
    """What an exporter is made from."""

    name: str = Field(min_length=1, max_length=MAX_NAME, examples=["Nightly"])
    apps: list[str] = Field(min_length=1, max_length=MOST_APPS, description="Identifiers")
    bucket_name: str = Field(min_length=1, max_length=MAX_BUCKET)
    initial_run_at: str | None = Field(default=None, description="ISO 8601; when left out, a period from now")


class ExporterNotFound(NotFound):
    """Unknown, or another user's."""

    code, message = "data_exporter_not_found", "Data exporter not found"


def create(services: Services, user_id: int, wanted: NewExporter) -> tuple[DataExporter, list[App]]:
    """A new exporter. Raises BadParameters, Conflict, NotFound for an app that is not the user's, or
    Forbidden for one that the user only views."""
    _check(services, wanted)
    now = services.now()
    first = iso_time.since("initial_run_at", wanted.initial_run_at) or now + PERIODS[wanted.frequency]
    if first < now:
        raise BadParameters("initial_run_at is in the past")
    with services.db.write() as session:
        session.get(User, user_id, with_for_update=AGAINST_CHANGES)  # who counts at the same time waits
        if count_exporters(session, user_id) >= MOST_PER_USER:
            raise Conflict(f"A user has at most {MOST_PER_USER} data exporters")
        made = DataExporter(
            identifier=secrets.token_hex(12), user_id=user_id, name=wanted.name, active=wanted.active,
            bucket_name=wanted.bucket_name, subfolder=wanted.subfolder, frequency=wanted.frequency, format=wanted.format,
            created_at=now, initial_run_at=first, next_run_at=first,
        )  # fmt: skip
        session.add(made)
        session.flush()
        _cover(session, user_id, made.id, wanted.apps)
        covered = apps_covered(session, made.id)
        _record(session, covered, "exporter.made", made.identifier, now)
        return made, covered


def page(services: Services, user_id: int, limit: int, offset: int) -> list[tuple[DataExporter, list[App]]]:
    """The exporters of a user, oldest first, each with its apps."""
    with services.db.read() as session:
        return [(one, apps_covered(session, one.id)) for one in exporters_of(session, user_id, limit, offset)]


def find(services: Services, user_id: int, identifier: str) -> tuple[DataExporter, list[App]]:
    """An exporter and its apps. Raises NotFound."""
    with services.db.read() as session:
        found = _existing(find_exporter(session, user_id, _fit(identifier)))
        return found, apps_covered(session, found.id)


def change(services: Services, user_id: int, identifier: str, wanted: ExporterChange) -> tuple[DataExporter, list[App]]:
    """Change what is given. Raises NotFound or BadParameters."""
    _check(services, wanted)
    with services.db.write() as session:
        found = _existing(find_exporter(session, user_id, _fit(identifier), lock=True))
        given, covered = wanted.model_fields_set, apps_covered(session, found.id)
        for name in given - {"apps", "exported_data"}:
            setattr(found, name, getattr(wanted, name))
        session.flush()
        if "apps" in given:
            _cover(session, user_id, found.id, wanted.apps)
        now_covered = apps_covered(session, found.id)
        if given:
            both = {app.id: app for app in (*covered, *now_covered)}
            _record(session, both.values(), "exporter.changed", with_names(identifier, given), services.now())
        return found, now_covered


def remove(services: Services, user_id: int, identifier: str) -> None:
    """Delete an exporter and its runs; what was delivered stays. Raises NotFound."""
    with services.db.write() as session:
        found = _existing(find_exporter(session, user_id, _fit(identifier), lock=True))
        _record(session, apps_covered(session, found.id), "exporter.removed", identifier, services.now())
        drop_exporter(session, found.id)


def run_page(
    services: Services, user_id: int, identifier: str, limit: int, offset: int
) -> list[tuple[DataExporterRun, str]]:
    """The runs of an exporter with their apps' identifiers, newest first. Raises NotFound."""
    with services.db.read() as session:
        found = _existing(find_exporter(session, user_id, _fit(identifier)))
        return runs_of(session, found.id, limit, offset)


def _existing(exporter: DataExporter | None) -> DataExporter:
    if exporter is None:
        raise ExporterNotFound
    return exporter


def _cover(session: Any, user_id: int, exporter_id: int, identifiers: list[str]) -> None:
    found = [app_and_role(session, _fit(identifier), user_id) for identifier in identifiers]
    if any(one is None for one in found):
        raise AppNotFound
    for _, role in filter(None, found):
        require(role, Role.MEMBER)
    cover(session, exporter_id, [app.id for app, _ in filter(None, found)])


def _record(session: Session, apps: Iterable[App], action: str, subject: str, now: datetime) -> None:
    """Each app that it covers has the entry in its audit log."""
    for app in apps:
        record(session, app.id, action, subject, now)


def _check(services: Services, wanted: ExporterChange) -> None:
    """Raises BadParameters for what the types do not tell."""
    given = wanted.model_fields_set
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in wanted.name):
        raise BadParameters("name holds a control character")
    if wanted.subfolder and not all(KEY_PART.fullmatch(part) for part in wanted.subfolder.split("/")):
        raise BadParameters("subfolder has to be names of A-Z, a-z, 0-9, . _ - with / between")
    if "bucket_name" in given:
        buckets = dict(services.config.export_buckets)
        if buckets and wanted.bucket_name not in buckets:
            raise BadParameters("bucket_name is not among those that the operator has configured")
        if not KEY_PART.fullmatch(wanted.bucket_name):
            raise BadParameters("bucket_name has to be of A-Z, a-z, 0-9, . _ -")


def _fit(identifier: str) -> str:
    """The same if it can be an identifier; else what none has, for the database does not take every text."""
    return identifier if identifier.isascii() and identifier.isalnum() else ""
