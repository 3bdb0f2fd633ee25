"""A ninth type of leased work, all of it: notes that are to be counted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db import Base, Session
from app.db.work import Leased, Leasing
from app.errors import AppError
from app.services import Services
from app.work.ending import unwritten
from app.work.lease import Attempt
from app.work.work_type import Message, WorkType


class OwnBase(DeclarativeBase):
    """Apart from the product's tables, which migrations know."""

    type_annotation_map = Base.type_annotation_map


class Note(Leased, OwnBase):
    """Something to be counted."""

    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="open")
    reason: Mapped[str] = mapped_column(default="")


@dataclass
class Steps:
    """What the attempts do."""

    act: Callable[[Attempt[Note]], timedelta | None] = lambda attempt: complete(attempt)
    attempts: int = 0

    def __call__(self, attempt: Attempt[Note]) -> timedelta | None:
        self.attempts += 1
        return self.act(attempt)


def complete(attempt: Attempt[Note]) -> None:
    with attempt.services.db.write() as session:
        attempt.complete(session, state="done")


def _give_up(_services: Services, _session: Session, _note: Any, error: AppError, _now: datetime) -> dict[str, str]:
    return {"state": "given up", "reason": error.code}


LEASING = Leasing(
    Note, waiting=(Note.state == "open",), working=(Note.state == "open",), order=(Note.id,), by_enqueue_after=False
)


def work_of(services: Services, steps: Steps) -> WorkType[Note]:
    """The type, with one row in its table."""
    OwnBase.metadata.create_all(services.db.engine)
    with services.db.write() as session:
        session.add(Note(id=1))
    unwritten.forget()
    return WorkType(
        name="note",
        noun="note",
        leasing=LEASING,
        message=lambda note: Message("count_note", str(note.id), "short"),
        step=steps,
        patience=lambda config: timedelta(seconds=config.job_patience),
        give_up=_give_up,
    )


def note(services: Services) -> Note:
    with services.db.read() as session:
        return session.get_one(Note, 1)


def raising(error: BaseException) -> Callable[[Attempt[Note]], None]:
    def act(_attempt: Attempt[Note]) -> None:
        raise error

    return act
