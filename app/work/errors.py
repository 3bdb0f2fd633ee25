"""How an attempt can go wrong, sorted in one place: by this and nothing else it is decided whether another one follows."""

import enum

from app.errors import AppError, RemovedMeanwhile, TransientError


class Ending(enum.Enum):
    """What an error says about the work."""

    FAILURE = "failure"  # the worker died, or a bug: counted, and a few of these end the work
    OUTAGE = "outage"  # database, store or network was away: never counted, waited out
    HANDED_BACK = "handed_back"  # a stopping worker's, or one whose clock was set back: another attempt follows at once
    PERMANENT = "permanent"  # no other attempt can change it: the work ends with this reason


class Failure(TransientError):
    """An attempt ended in a way that speaks against the work itself."""


class WorkerDied(Failure):
    """A worker no longer renews its lease: it died, hangs, or has lost the database."""

    code, message = "worker_silent", "Its worker died or was cut off"


class AttemptBroke(Failure):
    """The code met what it does not handle; the log has the stack trace."""

    code, message = "attempt_broke", "The server failed to make this result"


class HandedBack(TransientError):
    """A worker handed its attempt back because it was asked to stop, or the lease was written by a clock since set back."""

    code, message = "worker_stopped", "Its worker was stopped"


class DatabaseRestarted(TransientError):
    """The lease could not be renewed because the database was away."""

    message = "The database was restarted"


class AttemptsUsedUp(AppError):
    """Every attempt met a failure that might have passed."""

    code, status = "attempts_used_up", 500


class OutageLasted(AppError):
    """A part of the service was away for longer than the work may wait."""

    code, status = "outage_lasted", 500


class TookTooLong(AppError):
    """The attempt took more than the budget of its type; another one would do the same."""

    code, status = "took_too_long", 500


class AttemptLost(Exception):
    """The row is no longer this attempt's: cancelled, taken over after its lease ran out, or ended for running too long."""


def sort(error: BaseException, permanent: tuple[type[AppError], ...] = (AppError,)) -> Ending:
    """What an error says about the work. `permanent`: the errors of the type that no other attempt can change."""
    if isinstance(error, HandedBack):
        return Ending.HANDED_BACK
    if isinstance(error, (Failure, RemovedMeanwhile)) or not isinstance(error, AppError):
        return Ending.FAILURE  # a reference that stays broken is a bug: it must not be tried for ever
    if isinstance(error, TransientError):
        return Ending.OUTAGE
    return Ending.PERMANENT if isinstance(error, (TookTooLong, *permanent)) else Ending.FAILURE
