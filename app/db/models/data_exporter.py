"""Data exporters, and their runs: each a window of occurrences of one app, which begins where the one before ended."""

import enum
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import AGAINST_CHANGES, Base, insert_or_ignore, value_enum
from app.db.models.app import MAX_NAME, App
from app.db.models.log import Log
from app.db.models.membership import Membership, Role
from app.db.models.occurrence import Occurrence
from app.db.models.user import User
from app.db.work import BigId, Leased, Leasing

MAX_ERROR = 200  # characters
MAX_BUCKET, MAX_SUBFOLDER = 63, 200


class RunState(enum.StrEnum):
    """waiting -> exporting -> done; a failed one is tried again, as often as it takes."""

    WAITING = "waiting"
    EXPORTING = "exporting"
    DONE = "done"
    FAILED = "failed"


UNDONE = text("state <> 'done'")


class DataExporter(Base):
    """What a user wants exported at regular times."""

    __tablename__ = "data_exporters"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    identifier: Mapped[str] = mapped_column(String(24), unique=True)  # random lower-case hex
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    active: Mapped[bool]
    bucket_name: Mapped[str] = mapped_column(String(MAX_BUCKET))
    subfolder: Mapped[str] = mapped_column(String(MAX_SUBFOLDER))  # "" or parts with slashes between
    frequency: Mapped[str] = mapped_column(String(8))
    format: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    initial_run_at: Mapped[datetime]
    last_run_at: Mapped[datetime | None]  # when a run was last delivered
    next_run_at: Mapped[datetime] = mapped_column(index=True)


class DataExporterApp(Base):
    """An app that an exporter covers."""

    __tablename__ = "data_exporter_apps"
    exporter_id: Mapped[int] = mapped_column(ForeignKey("data_exporters.id", ondelete="CASCADE"), primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)


class DataExporterRun(Leased, Base):
    """One scheduled time of one exporter, for one app."""

    __tablename__ = "data_exporter_runs"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    exporter_id: Mapped[int] = mapped_column(ForeignKey("data_exporters.id", ondelete="CASCADE"))
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    scheduled_for: Mapped[datetime]
    since: Mapped[datetime | None]  # scheduled time of the run before; None: this is the first
    after_row: Mapped[int] = mapped_column(BigInteger)  # occurrences after this row
    upto_row: Mapped[int] = mapped_column(BigInteger)  # and up to this one
    state: Mapped[RunState] = mapped_column(value_enum(RunState))
    job_id: Mapped[str | None] = mapped_column(String(24))
    failures: Mapped[int] = mapped_column("failures", sort_order=901)  # other tables call it failures
    not_before: Mapped[datetime] = mapped_column("next_at", key="not_before", sort_order=905)  # no step before then
    files_done: Mapped[int]
    files: Mapped[int | None]
    rows: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(String(MAX_ERROR))
    finished_at: Mapped[datetime | None]
    bucket: Mapped[str | None] = mapped_column(
        String(MAX_BUCKET)
    )  # where its files are; "": in the service's own store
    folder: Mapped[str | None] = mapped_column(String(512))  # None: nothing has been delivered
    __table_args__ = (
        UniqueConstraint("exporter_id", "app_id", "scheduled_for"),  # never twice, however many schedule
        Index("ix_data_exporter_runs_undone", "not_before", postgresql_where=UNDONE, sqlite_where=UNDONE),
    )


THEIRS = (
    select(Membership.app_id)
    .join(DataExporter, DataExporter.user_id == Membership.user_id)
    .join(User, User.id == Membership.user_id)
    .where(
        DataExporter.id == DataExporterRun.exporter_id,
        Membership.app_id == DataExporterRun.app_id,
        Membership.role != Role.VIEWER.value,
        User.disabled_at.is_(None),
    )
    .correlate(DataExporterRun)
    .exists()
)
"""The exporter's owner may log in, and is a member of the run's app who may export it. Runs wait while it does not
hold: none is lost if the owner returns."""


def exporters_of(session: Session, user_id: int, limit: int, offset: int) -> list[DataExporter]:
    """The exporters that a user has made, oldest first."""
    statement = select(DataExporter).where(DataExporter.user_id == user_id).order_by(DataExporter.id)
    return list(session.scalars(statement.limit(limit).offset(offset)))


def count_exporters(session: Session, user_id: int) -> int:
    """How many a user has."""
    return session.scalar(select(func.count()).select_from(DataExporter).where(DataExporter.user_id == user_id)) or 0


def find_exporter(session: Session, user_id: int, identifier: str, *, lock: bool = False) -> DataExporter | None:
    """An exporter of the user; with `lock` its row is locked until the transaction ends."""
    statement = select(DataExporter).where(DataExporter.user_id == user_id, DataExporter.identifier == identifier)
    return session.scalar(statement.with_for_update() if lock else statement)


def apps_covered(session: Session, exporter_id: int) -> list[App]:
    """The apps of an exporter of which its owner is a member, by name."""
    statement = (
        select(App)
        .join(DataExporterApp, DataExporterApp.app_id == App.id)
        .join(DataExporter, DataExporter.id == DataExporterApp.exporter_id)
        .join(Membership, (Membership.app_id == App.id) & (Membership.user_id == DataExporter.user_id))
    )
    return list(session.scalars(statement.where(DataExporter.id == exporter_id).order_by(App.name, App.id)))


def cover(session: Session, exporter_id: int, app_ids: list[int]) -> None:
    """Let an exporter cover these apps and no others.

    All of these apps are locked against their removal first: that locks the app, then the rows that are deleted here.
    """
    before = session.scalars(select(DataExporterApp.app_id).where(DataExporterApp.exporter_id == exporter_id))
    apps = select(App.id).where(App.id.in_({*before, *app_ids})).order_by(App.id)
    session.execute(apps.with_for_update(read=True, key_share=True)).all()
    session.execute(delete(DataExporterApp).where(DataExporterApp.exporter_id == exporter_id))
    session.add_all(DataExporterApp(exporter_id=exporter_id, app_id=app_id) for app_id in sorted(set(app_ids)))
    session.flush()


def lock_exporter(session: Session, exporter_id: int) -> DataExporter | None:
    """Lock an exporter, before a run of it: that is the order of who deletes both. None when it is gone."""
    return session.get(DataExporter, exporter_id, with_for_update=AGAINST_CHANGES)


def drop_exporter(session: Session, exporter_id: int) -> None:
    """Delete an exporter and its runs; what they delivered stays."""
    for table in (DataExporterRun, DataExporterApp):
        session.execute(delete(table).where(table.exporter_id == exporter_id))
    session.execute(delete(DataExporter).where(DataExporter.id == exporter_id))


def next_due_exporter(session: Session, now: datetime) -> DataExporter | None:
    """An active exporter whose time has come; locked."""
    due = select(DataExporter).where(DataExporter.active, DataExporter.next_run_at <= now)
    ordered = due.order_by(DataExporter.next_run_at, DataExporter.id).limit(1)
    return session.scalar(ordered.with_for_update(skip_locked=True))


def add_run(session: Session, exporter_id: int, app_id: int, scheduled_for: datetime, now: datetime) -> None:
    """Freeze the window of a scheduled time; nothing happens when it is there already."""
    of_app = (DataExporterRun.exporter_id == exporter_id, DataExporterRun.app_id == app_id)
    latest = select(DataExporterRun).where(*of_app).order_by(DataExporterRun.scheduled_for.desc()).limit(1)
    before = session.scalar(latest)
    after_row = before.upto_row if before else 0
    values = {
        "exporter_id": exporter_id,
        "app_id": app_id,
        "scheduled_for": scheduled_for,
        "since": before.scheduled_for if before else None,
        "after_row": after_row,
        "upto_row": max(after_row, newest_row_before(session, scheduled_for)),
        "state": RunState.WAITING,
        "attempt": 0,
        "failures": 0,
        "not_before": now,
        "enqueue_after": now,
        "enqueued": 0,
        "files_done": 0,
    }
    insert_or_ignore(session, DataExporterRun, values)


def newest_row_before(session: Session, time: datetime) -> int:
    """The row id of about the newest occurrence that had arrived by a time; 0 when there is none.

    Row ids grow with arrival, but for digests side by side, so it is found by halving. Which run a row at the border
    goes to does not matter: windows are row ids, each row has one, and one window begins where another ends.
    """
    low, high = 0, session.scalar(select(func.max(Occurrence.id))) or 0
    arrived = func.coalesce(Log.digested_at, Log.received_at)
    while low < high:
        middle = (low + high + 1) // 2
        first = select(Occurrence.id, arrived).join(Log, Log.id == Occurrence.log_row).where(Occurrence.id >= middle)
        row = session.execute(first.order_by(Occurrence.id).limit(1)).first()
        if row is not None and row[1] < time:
            low = max(middle, min(int(row[0]), high))
        else:
            high = middle - 1
    return low


def runs_of(session: Session, exporter_id: int, limit: int, offset: int) -> list[tuple[DataExporterRun, str]]:
    """The runs of an exporter with the identifiers of their apps, newest first; none of apps that its owner has left."""
    statement = select(DataExporterRun, App.identifier).join(App, App.id == DataExporterRun.app_id)
    newest_first = statement.where(DataExporterRun.exporter_id == exporter_id, THEIRS).order_by(
        DataExporterRun.scheduled_for.desc(), DataExporterRun.id.desc()
    )
    return [(run, app) for run, app in session.execute(newest_first.limit(limit).offset(offset))]


LEASING = Leasing(
    DataExporterRun,
    waiting=(DataExporterRun.state != RunState.DONE, THEIRS),
    working=(DataExporterRun.state != RunState.DONE,),
    order=(DataExporterRun.scheduled_for, DataExporterRun.id),
    by_enqueue_after=False,  # few are not done
)
