"""The logs of an app, page by page: newest first, or those whose names begin alike."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.orm import Session

from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence

_BEHIND_EVERY_NAME = "\ua000"  # sorts behind a-z, A-Z, 0-9 and . _ - in every collation


class ListedLog(NamedTuple):
    """A log as a list shows it."""

    log_id: str
    status: LogStatus
    error_message: str | None
    format: str | None
    size: int  # bytes, unpacked
    received_at: datetime
    digested_at: datetime | None
    removed_at: datetime | None  # when its bytes were, by age
    occurrences_count: int


def logs_of(
    session: Session,
    app_id: int,
    limit: int,
    *,
    status: LogStatus | None = None,
    prefix: str = "",
    after: tuple[datetime, str] | None = None,
) -> list[ListedLog]:
    """Newest first; with a prefix by name. `after` is that of the last row seen: time and name."""
    found = select(func.count()).where(Occurrence.log_row == Log.id).correlate(Log).scalar_subquery()
    columns = [Log.__table__.c[name] for name in ListedLog._fields[:-1]]
    statement = select(*columns, found).select_from(Log).where(Log.app_id == app_id)
    if status is not None:
        statement = statement.where(Log.status == status)
    if prefix:
        # A range that the unique key of app and name serves, whatever the collation; what else lies in it is left out.
        statement = statement.where(Log.log_id >= prefix, Log.log_id < prefix + _BEHIND_EVERY_NAME)
        statement = statement.where(func.substr(Log.log_id, 1, len(prefix)) == prefix).order_by(Log.log_id)
        if after is not None:
            statement = statement.where(Log.log_id > after[1])
    else:
        statement = statement.order_by(Log.received_at.desc(), Log.log_id.desc())
        if after is not None:
            last = tuple_(literal(after[0], Log.__table__.c.received_at.type), literal(after[1]))
            statement = statement.where(tuple_(Log.received_at, Log.log_id) < last)
    return [ListedLog._make(row) for row in session.execute(statement.limit(limit))]
