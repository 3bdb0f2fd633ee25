"""Who acts: the user whose request this thread answers, or the operator at the command line."""

from contextvars import ContextVar
from typing import NamedTuple


class Actor(NamedTuple):
    """One of the two, or neither: a link that works without a login."""

    user_id: int | None = None
    is_operator: bool = False


OPERATOR, NOBODY = Actor(is_operator=True), Actor()
_current: ContextVar[Actor] = ContextVar("actor", default=OPERATOR)


def actor() -> Actor:
    """Who acts; the operator where no request has said otherwise."""
    return _current.get()


def act_as(who: Actor) -> None:
    """Say who acts from now on, in this thread."""
    _current.set(who)
