"""Aliases: where the occurrences went that once made up a crash, so that its identifier still leads somewhere."""

from collections.abc import Mapping

from sqlalchemy import BigInteger, ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, dialect_of

MAX_STEPS = 16  # groupings anew that an old identifier is followed through
LOOKED_AT = 20  # crashes that the occurrences of one went to, most of them first


class CrashAlias(Base):
    """How many occurrences of a group went to a crash. The identifier leads where most of them went."""

    __tablename__ = "crash_aliases"
    identifier: Mapped[str] = mapped_column(String(24), primary_key=True)  # that the group had as a crash of its own
    into_identifier: Mapped[str] = mapped_column(String(24), primary_key=True)  # of a crash; that may be gone in turn
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    moved: Mapped[int] = mapped_column(BigInteger)


def went_to(session: Session, identifier: str) -> list[str]:
    """Identifiers of the crashes that its occurrences went to, most of them first."""
    statement = select(CrashAlias.into_identifier).where(CrashAlias.identifier == identifier, CrashAlias.moved > 0)
    ordered = statement.order_by(CrashAlias.moved.desc(), CrashAlias.into_identifier)
    return list(session.scalars(ordered.limit(LOOKED_AT)))


def count_moved(session: Session, app_id: int, moved: Mapping[tuple[str, str], int]) -> None:
    """Add (or take away) occurrences that went from one identifier to another."""
    dialect = dialect_of(session)
    for (identifier, into), number in sorted(moved.items()):
        values = {"identifier": identifier, "into_identifier": into, "app_id": app_id, "moved": number}
        insert = dialect.insert(CrashAlias).values(values)
        keys = [CrashAlias.identifier, CrashAlias.into_identifier]
        counted = {"moved": CrashAlias.moved + insert.excluded.moved}
        session.execute(insert.on_conflict_do_update(index_elements=keys, set_=counted))


def come_home(session: Session, identifiers: set[str]) -> None:
    """Forget where these groups went: they are crashes of their own again."""
    gone = delete(CrashAlias).where(CrashAlias.identifier.in_(identifiers))
    session.execute(gone, execution_options={"synchronize_session": False})
