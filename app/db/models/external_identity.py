"""Users as OpenID providers know them: an issuer's name for a person never changes, their e-mail may."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore
from app.oidc_settings import MAX_ISSUER

MAX_SUBJECT = 255  # characters, as OpenID Connect allows


class ExternalIdentity(Base):
    """One person by the word of one issuer."""

    __tablename__ = "external_identities"
    issuer: Mapped[str] = mapped_column(String(MAX_ISSUER), primary_key=True)
    subject: Mapped[str] = mapped_column(String(MAX_SUBJECT), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]


def find_identity(session: Session, issuer: str, subject: str) -> ExternalIdentity | None:
    """Whom the issuer means, if they have signed in before."""
    return session.get(ExternalIdentity, (issuer, subject))


def add_identity(session: Session, issuer: str, subject: str, user_id: int, now: datetime) -> bool:
    """Remember whom the issuer means; False when another request has."""
    values = {"issuer": issuer, "subject": subject, "user_id": user_id, "created_at": now}
    return insert_or_ignore(session, ExternalIdentity, values)


def has_identity(session: Session, issuer: str, user_id: int) -> bool:
    """Whether the issuer has a name for this user already."""
    mine = (ExternalIdentity.issuer == issuer, ExternalIdentity.user_id == user_id)
    return bool(session.scalar(select(exists().where(*mine))))


def drop_identities(session: Session, user_id: int) -> None:
    """Forget what issuers call a user."""
    session.execute(delete(ExternalIdentity).where(ExternalIdentity.user_id == user_id))
