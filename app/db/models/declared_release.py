"""Releases of an app that build tools have declared, and their deploys."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore
from app.db.work import BigId

MAX_VERSION, MAX_URL = 250, 1_000  # characters


class DeclaredRelease(Base):
    """A release as a tool names it: `identifier@version+build`, or any text."""

    __tablename__ = "declared_releases"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    version: Mapped[str] = mapped_column(String(MAX_VERSION))
    url: Mapped[str | None] = mapped_column(String(MAX_URL))
    created_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    deploys: Mapped[str | None] = mapped_column(Text)  # JSON, a list, the newest last
    __table_args__ = (UniqueConstraint("app_id", "version"),)


def declare(session: Session, app_id: int, version: str, now: datetime) -> tuple[DeclaredRelease, bool]:
    """The release, locked, and whether it is new."""
    values = {"app_id": app_id, "version": version, "created_at": now}
    is_new = insert_or_ignore(session, DeclaredRelease, values)
    mine = select(DeclaredRelease).where(DeclaredRelease.app_id == app_id, DeclaredRelease.version == version)
    return session.scalars(mine.with_for_update()).one(), is_new


def declared_releases(
    session: Session, app_ids: list[int], limit: int, version: str | None = None
) -> list[DeclaredRelease]:
    """Releases of apps, newest first; with a `version` those of it."""
    mine = select(DeclaredRelease).where(DeclaredRelease.app_id.in_(app_ids))
    if version is not None:
        mine = mine.where(DeclaredRelease.version == version)
    return list(session.scalars(mine.order_by(DeclaredRelease.id.desc()).limit(limit)))


def drop_release(session: Session, app_ids: list[int], version: str) -> bool:
    """Delete the releases of this name; False when there is none."""
    these = delete(DeclaredRelease).where(DeclaredRelease.app_id.in_(app_ids), DeclaredRelease.version == version)
    return bool(session.execute(these.returning(DeclaredRelease.id)).all())
