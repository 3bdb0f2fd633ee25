"""How a call can end other than well: each error says what happened and what to do next."""

ADVICE = {
    400: "Correct what the message names",
    401: "Log in again: the token is missing, unknown or has expired",
    403: "Ask a member of the app, or the operator, for access",
    404: "Check the identifier, and that your account is a member of its app",
    405: "Check that the URL is that of a crashq server, and that the server is not older than this client",
    409: "What is stored differs from what was asked: read the message, then ask again",
    410: "Ask again: a new job starts",
    413: "The server's operator sets the limit (CRASHQ_MAX_LOG_BYTES)",
    422: "The stored log cannot be read as what it claims to be; asking again does not help",
    429: "Ask again later, or wait for fewer jobs at a time",
    500: "Tell the server's operator, with the request id",
    503: "A part of the server is away: ask again later",
}
"""HTTP status -> what to do next."""


class ClientError(Exception):
    """A call that did not succeed. `message` says what happened, `advice` what to do next; neither ever holds a token."""

    is_transient = False  # True: the same call may succeed a little later
    retry_after: float | None = None  # seconds, when the server said so

    def __init__(self, message: str, advice: str = "") -> None:
        self.message, self.advice = message, advice
        super().__init__(f"{message}. {advice}" if advice else message)


class NotAllowed(ClientError):
    """Refused by this client before anything was sent."""


class Unreachable(ClientError):
    """No whole answer came: no connection, a cut one, or silence."""

    is_transient = True


class NotTrusted(Unreachable):
    """The server's certificate is not trusted."""

    is_transient = False


class BadAnswer(ClientError):
    """What came is not what crashq's contract says: another server, a proxy's page, or worse."""


class Damaged(ClientError):
    """The bytes are not those that were promised; nothing was put in place."""


class OutOfTime(ClientError):
    """The deadline that the caller set has passed."""


class Refused(ClientError):
    """The server answered with an error: `status` (HTTP), `word`, `code` (X-Error-Code), `error_message`, `request_id`."""

    def __init__(
        self,
        status: int,
        error_message: str,
        *,
        word: str = "",
        code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.status, self.error_message, self.word, self.code = status, error_message, word, code
        self.request_id, self.retry_after = request_id, retry_after
        advice = ADVICE.get(status, ADVICE[500] if status >= 500 else "")
        if status >= 500 and request_id:
            advice = f"{advice} ({request_id})"
        super().__init__(error_message, advice)


class NotSignedIn(Refused):
    """401 or 403: no token, one that is not valid, or one that may not do this."""


class NotThere(Refused):
    """404: there is no such thing, or it is not yours to see."""


class Busy(Refused):
    """429, 502, 503 or 504: the same call may succeed later."""

    is_transient = True


JOB_TYPES: dict[int, type[Refused]] = {
    401: NotSignedIn, 403: NotSignedIn, 404: NotThere, 429: Busy, 502: Busy, 503: Busy, 504: Busy,
}  # fmt: skip
