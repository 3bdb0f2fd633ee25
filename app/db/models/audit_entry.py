"""The audit log: who changed which settings, members and keys, and when. Changes of crashes are in their own history."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ForeignKey, Index, String, delete, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.acting import Actor, actor
from app.db.base import Base
from app.db.models.user import User
from app.db.work import BigId

MAX_ACTION, MAX_SUBJECT = 40, 300  # characters
OPERATOR = "operator"


class AuditEntry(Base):
    """One change, written in its transaction."""

    __tablename__ = "audit_entries"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[int | None] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    """None for what concerns no app, and for its removal, which outlives it."""
    happened_at: Mapped[datetime] = mapped_column(index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    """Who did it; None for the operator, for who used a link without a login, and once the account is removed."""
    by_operator: Mapped[bool]  # at the command line
    action: Mapped[str] = mapped_column(String(MAX_ACTION))  # `member.added`
    subject: Mapped[str] = mapped_column(String(MAX_SUBJECT))
    """Ids, e-mails of members and names of settings; never a secret, a value or a content."""
    __table_args__ = (Index("ix_audit_entries_app_id_id", "app_id", "id"), {"sqlite_autoincrement": True})


class ShownEntry(NamedTuple):
    """An entry, and the e-mail of who did it."""

    entry: AuditEntry
    email: str | None

    @property
    def who(self) -> str | None:
        """The e-mail, or OPERATOR; None for a link without a login, or a removed account."""
        return OPERATOR if self.entry.by_operator else self.email


def record(
    session: Session, app_id: int | None, action: str, subject: str, now: datetime, by: Actor | None = None
) -> None:
    """Add an entry to the transaction of a change. `by` is for who acts without a login; else it is the actor."""
    who = by or actor()
    row = AuditEntry(
        app_id=app_id, happened_at=now, user_id=who.user_id, by_operator=who.is_operator, action=action,
        subject=subject[:MAX_SUBJECT],
    )  # fmt: skip
    session.add(row)


def with_names(identifier: str, names: set[str]) -> str:
    """The subject of a change of some fields of a thing."""
    return f"{identifier}: {', '.join(sorted(names))}"


def entries_of(session: Session, app_id: int | None, limit: int, offset: int) -> list[ShownEntry]:
    """Entries of an app, or of all and of none, newest first."""
    wanted = AuditEntry.app_id == app_id if app_id is not None else true()
    found = select(AuditEntry, User.email).outerjoin(User, User.id == AuditEntry.user_id).where(wanted)
    rows = session.execute(found.order_by(AuditEntry.id.desc()).limit(limit).offset(offset))
    return [ShownEntry(entry, email) for entry, email in rows]


def drop_old_entries(session: Session, before: datetime, limit: int) -> int:
    """Delete some entries of before; returns how many."""
    some = select(AuditEntry.id).where(AuditEntry.happened_at < before).order_by(AuditEntry.happened_at).limit(limit)
    these = delete(AuditEntry).where(AuditEntry.id.in_(some)).returning(AuditEntry.id)
    return len(session.execute(these, execution_options={"synchronize_session": False}).all())
