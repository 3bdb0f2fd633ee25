"""What each exit code of `crashq remote` means; docs/cli.md lists them."""

from app.client import ClientError, NotAllowed, NotSignedIn, NotThere, OutOfTime, Refused, Unreachable
from app.client.errors import Busy

DONE = 0
FAILED = 1
WRONG_USE = 2
NOT_SIGNED_IN = 3
NOT_FOUND = 4
SERVER_AWAY = 5
OUT_OF_TIME = 6
INTERRUPTED = 130

_CODES: tuple[tuple[type[ClientError], int], ...] = (
    (NotAllowed, NOT_SIGNED_IN),
    (NotSignedIn, NOT_SIGNED_IN),
    (NotThere, NOT_FOUND),
    (Busy, SERVER_AWAY),
    (Unreachable, SERVER_AWAY),
    (OutOfTime, OUT_OF_TIME),
)


def exit_code(problem: ClientError) -> int:
    """The code for an error."""
    if isinstance(problem, Refused) and problem.status == 400:
        return WRONG_USE
    return next((code for kind, code in _CODES if isinstance(problem, kind)), FAILED)
