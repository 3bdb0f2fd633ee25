"""The result of an attempt at a delivery, and the interface of what sends to a receiver."""

from typing import NamedTuple, Protocol, Self

from app.db.models.webhook import Delivery
from app.webhooks.sending import Reply

GONE = 410


class Result(NamedTuple):
    """The result of one attempt."""

    status: int | None  # HTTP, or SMTP
    error: str | None  # None: delivered
    retry_after: float = 0  # seconds that the receiver wants no more for
    is_void: bool = False  # what it was about is gone: no fault of the receiver, and no further attempt

    @classmethod
    def of(cls, answer: Reply) -> Self:
        """What the answer says."""
        if 200 <= answer.status < 300:
            return cls(answer.status, None)
        hint = "; redirects are not followed" if 300 <= answer.status < 400 else ""
        return cls(answer.status, f"The receiver answered {answer.status}{hint}", answer.retry_after)

    @property
    def is_final(self) -> bool:
        """True when no further attempt can help."""
        return self.status == GONE


class DeliverySender(Protocol):
    """Sends to one receiver."""

    def parcels(self, due: list[Delivery]) -> list[list[Delivery]]:
        """What is sent together, in order."""

    def send(self, parcel: list[Delivery]) -> Result:
        """Make one attempt. Raises TransientError only."""
