"""The upload of a log as two statements: the sender and its access, and its row."""

from datetime import datetime
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, literal_column, or_, select
from sqlalchemy.sql.dml import ReturningInsert

from app.db.driver_pool import Prepared
from app.db.engine import Database
from app.db.hot import insert_into
from app.db.models.app import App
from app.db.models.app_settings import AppSettings
from app.db.models.ingest_key import IngestKey
from app.db.models.log import Log, LogStatus
from app.db.models.membership import Membership
from app.db.models.token import Token

_LOG = Log.__table__.c
_KEY_TYPE = App.__table__.c.ingest_key_hash.type
NEW = ("app_id", "log_id", "sha256", "size", "storage_key", "request_id", "received_at", "enqueue_after")


class KnownLog(NamedTuple):
    """As much of a stored log as tells whether another upload is the same."""

    log_id: str
    sha256: str
    storage_key: str


_SENDER_COLUMNS = (App.id, App.identifier, AppSettings.settings, *(_LOG[name] for name in KnownLog._fields))


class Sender(NamedTuple):
    """An app that logs may be sent to."""

    id: int
    identifier: str
    known: KnownLog | None  # its log of the name that was asked for
    settings: str | None = None  # JSON of what its members have set


def find_sender(db: Database, app_identifier: str, token_hash: str, now: datetime, log_id: str) -> Sender | None:
    """The app, if this is the hash of its ingest key or of the token of a member who may send, with its log of that name."""
    with db.driver() as driver:
        row = driver.first(_SENDER, app=app_identifier, token=token_hash, now=now, log_id=log_id)
    return None if row is None else _sender_of(row)


def find_project_sender(db: Database, project: int, key_hash: str, log_id: str) -> Sender | None:
    """The app with this row id, if this is the hash of its ingest key, with its log of that name."""
    with db.driver() as driver:
        row = driver.first(_PROJECT, project=project, key=key_hash, log_id=log_id)
    return None if row is None else _sender_of(row)


def find_known(db: Database, app_id: int, log_id: str) -> KnownLog | None:
    """The log of an app by its name."""
    with db.driver() as driver:
        row = driver.first(_KNOWN, app=app_id, log_id=log_id)
    return None if row is None else KnownLog(*row)


def insert_log(db: Database, **new: Any) -> int | None:
    """Insert a received log, the columns NEW, and return its row id; None when the app has a log of this name."""
    with db.driver_write(together=False) as driver:
        row = driver.first(_INSERT, **{f"new_{name}": new[name] for name in NEW})
    return None if row is None else int(row[0])


def _sender_of(row: tuple[Any, ...]) -> Sender:
    identifier, settings, *known = row[1:]
    return Sender(row[0], identifier, KnownLog(*known) if known[0] is not None else None, settings)


def _project(_: ModuleType) -> Select[Any]:
    return (
        select(*_SENDER_COLUMNS)
        .outerjoin(AppSettings, AppSettings.app_id == App.id)
        .outerjoin(Log, and_(Log.app_id == App.id, Log.log_id == bindparam("log_id")))
        .where(App.id == bindparam("project"), _has_key(bindparam("key", type_=_KEY_TYPE)))
    )


def _sender(_: ModuleType) -> Select[Any]:
    token: ColumnElement[str] = bindparam("token", type_=Token.__table__.c.hash.type)
    is_members = exists().where(
        Token.hash == token,
        Token.expires_at > bindparam("now"),
        Membership.user_id == Token.user_id,
        Membership.app_id == App.id,
        Membership.role != literal_column("'viewer'"),
    )
    return (
        select(*_SENDER_COLUMNS)
        .outerjoin(AppSettings, AppSettings.app_id == App.id)
        .outerjoin(Log, and_(Log.app_id == App.id, Log.log_id == bindparam("log_id")))
        .where(App.identifier == bindparam("app"), or_(_has_key(token), is_members))
    )


def _has_key(key: ColumnElement[str]) -> ColumnElement[bool]:
    """It is the app's first key, or another one of it, which is looked up only then."""
    return or_(App.ingest_key_hash == key, exists().where(IngestKey.hash == key, IngestKey.app_id == App.id))


def _known(_: ModuleType) -> Select[Any]:
    columns = (_LOG[name] for name in KnownLog._fields)
    return select(*columns).where(Log.app_id == bindparam("app"), Log.log_id == bindparam("log_id"))


def _insert(dialect: ModuleType) -> ReturningInsert[int]:
    values = {name: bindparam(f"new_{name}", type_=_LOG[name].type) for name in NEW}
    begun = {"status": LogStatus.RECEIVED, "attempt": 0, "failures": 0, "enqueued": 0, "slow": False}
    return insert_into(dialect, Log).values({**values, **begun}).on_conflict_do_nothing().returning(_LOG.id)


_SENDER, _KNOWN, _INSERT, _PROJECT = Prepared(_sender), Prepared(_known), Prepared(_insert), Prepared(_project)
