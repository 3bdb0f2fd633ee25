"""What the members of an app have set for it. A name that is not in the row goes by the service's own settings."""

from datetime import datetime

from sqlalchemy import ForeignKey, Text, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore, rows_changed
from app.db.models.app import App


class AppSettings(Base):
    """The settings of one app; an app of which nothing has been set has no row."""

    __tablename__ = "app_settings"
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    settings: Mapped[str] = mapped_column(Text)  # JSON object: name -> value
    updated_at: Mapped[datetime]


def settings_text(session: Session, app_id: int) -> str:
    """The JSON object of what has been set for an app."""
    return session.scalar(select(AppSettings.settings).where(AppSettings.app_id == app_id)) or "{}"


def hold_settings(session: Session, app_id: int, now: datetime) -> str:
    """The same, which nobody else can change until this transaction ends."""
    insert_or_ignore(session, AppSettings, {"app_id": app_id, "settings": "{}", "updated_at": now})
    held = select(AppSettings.settings).where(AppSettings.app_id == app_id).with_for_update()
    return session.execute(held).scalar_one()


def store_settings(session: Session, app_id: int, text: str, now: datetime) -> None:
    """Put what `hold_settings` gave, changed, in its place."""
    mine = update(AppSettings).where(AppSettings.app_id == app_id)
    rows_changed(session, mine.values(settings=text, updated_at=now))


def reports_changed(session: Session, app_id: int) -> None:
    """Let every report of the app that is finished count as out of date."""
    changed = update(App).where(App.id == app_id).values(reports_revision=App.reports_revision + 1)
    rows_changed(session, changed)
