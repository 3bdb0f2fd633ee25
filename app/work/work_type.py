"""What a type of work declares: its rows, its step, its limits, and what giving up means. A new type is one of these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from app.config import Config
from app.db import Session
from app.db.work import CLOCK_SLACK, Leased, Leasing, back_off
from app.errors import AppError
from app.services import Services
from app.work.limits import Budget, OverBudget

if TYPE_CHECKING:
    from app.work.lease import Attempt

R = TypeVar("R", bound=Leased)


class Message(NamedTuple):
    """The task message that wakes a worker for a row."""

    task: str
    row_id: str
    queue: str


def _nothing(*_: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class WorkType(Generic[R]):
    """One type of work. What has a default is declared only where it differs."""

    name: str  # in log lines and metrics
    noun: str  # in messages for people
    leasing: Leasing[R]
    message: Callable[[R], Message] | None = None  # None: a periodic task looks for due rows itself
    step: Callable[["Attempt[R]"], timedelta | None] | None = None
    """Make an attempt; returns None when the row is complete, else how long to pause before it goes on."""
    budget: Callable[[Services, R], Budget] = lambda _services, _row: Budget(
        seconds=600
    )  # of one attempt; grows with the row's input
    over_budget: Callable[[R, OverBudget], AppError] | None = None
    """What an attempt over its budget ends with. None: TookTooLong, which gives the work up where it can be."""
    max_failures: Callable[[Config], int | None] = lambda config: config.max_attempts  # None: tried for ever
    patience: Callable[[Config], timedelta | None] = lambda _config: None  # how long an outage may last; None: for ever
    permanent: tuple[type[AppError], ...] = (AppError,)
    pause: Callable[[R], timedelta] = lambda row: back_off(row.attempt)  # after an error, before the next attempt
    again: Callable[[R, AppError], Mapping[str, Any]] = _nothing  # columns set when another attempt is to follow
    give_up: Callable[[Services, Session, R, AppError, datetime], Mapping[str, Any]] | None = None
    """Columns of a row that ends without success; may write more in the same transaction. None: it never ends so."""
    ended: Callable[[Services, R, AppError, bool], object] = _nothing
    """Called after the commit that ended an attempt with an error; the flag is true when the work was given up."""
    lost: Callable[[Services, R], object] = _nothing  # called when an attempt finds that its row is another's by now
    swept_at_once: Callable[[Services], int] | None = None  # most task messages of one sweep; None: as many as are due


def lease_of(services: Services) -> timedelta:
    """How long a claim or a renewal lasts, whatever the type of work."""
    return timedelta(seconds=services.config.job_lease)


def furthest(services: Services, now: datetime) -> datetime:
    """A lease that ends after this was written before a clock was set back."""
    return now + 2 * lease_of(services) + CLOCK_SLACK
