"""Every error that crashq raises on purpose, with the HTTP status it means and a code that logs and clients match on."""

import errno
import re

STATUS_WORDS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: "conflict",
    410: "gone",
    413: "payload_too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    422: "unprocessable",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}
"""HTTP status -> the word in the `status` key of an error body (the wire contract, section 1)."""


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # no UTF-8 file and no PostgreSQL text can hold these


class AppError(Exception):
    """A failure with a sentence for the person who caused or meets it.

    `code` is lower_snake and stable; `status` is an HTTP status; `message` never holds a path, SQL, token or stack trace.
    What a log says may stand in it: NUL characters and lone surrogates become U+FFFD, so every message can be stored.
    """

    code = "internal_error"
    status = 500
    message = "Something went wrong on the server"

    def __init__(self, message: str | None = None, *, retry_after: int | None = None) -> None:
        self.message = _UNSTORABLE.sub("\ufffd", message or type(self).message)
        self.retry_after = retry_after  # seconds
        super().__init__(self.message)


class BadParameters(AppError):
    """The request cannot be understood; the message names the parameter."""

    code, status, message = "bad_parameters", 400, "The request could not be understood"


class Unauthorized(AppError):
    """No token, or one that is malformed, unknown or expired."""

    code, status, message = "unauthorized", 401, "Authentication token missing, unknown or expired"


class Forbidden(AppError):
    """A member of the app whose role does not cover this; a stranger learns that there is no such app."""

    code, status, message = "forbidden", 403, "Your role in this app does not allow this"


class NotFound(AppError):
    """There is no such thing, or it is not this user's to see."""

    code, status, message = "not_found", 404, "Not found"


class Conflict(AppError):
    """The request contradicts what is stored."""

    code, status, message = "conflict", 409, "The request contradicts what is stored"


class Gone(AppError):
    """It was there once: expired, cancelled or freed."""

    code, status, message = "gone", 410, "This result is no longer available"


class TooLarge(AppError):
    """The body is larger than the server takes, packed or unpacked."""

    code, status, message = "too_large", 413, "The body is too large"


class UnsupportedMedia(AppError):
    """A content encoding or type that the server does not read."""

    code, status, message = "unsupported_media", 415, "This content type or encoding is not supported"


class RangeNotSatisfiable(AppError):
    """A byte range that lies outside the file."""

    code, status, message = "range_not_satisfiable", 416, "The requested range lies outside the file"


class TooManyRequests(AppError):
    """The caller has to slow down; `retry_after` says by how much."""

    code, status, message = "too_many_requests", 429, "Too many requests"


class MalformedLog(AppError):
    """The bytes are in no known format, or break the grammar of the one they claim."""

    code, status, message = "malformed_log", 422, "The log cannot be read"


class UnknownFormat(MalformedLog):
    """No parser claims the log."""

    code = "unknown_format"


class TransientError(AppError):
    """Storage, database or broker is away or slow: the same call may succeed later, so a worker retries."""

    code, status, message = "unavailable", 503, "A part of the service is unavailable, try again"


class RemovedMeanwhile(TransientError):
    """A row that this one names was removed between the look and the write: the next try tells what is there now."""

    message = "Something that this refers to was removed meanwhile, try again"


def as_outage(error: BaseException) -> TransientError | None:
    """The outage that an error of the operating system means: a full disk, or no more open files; None for any other."""
    is_outage = isinstance(error, OSError) and error.errno in _MACHINE_FULL
    return TransientError("The server has run out of room, try again") if is_outage else None


_MACHINE_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE}


class ConfigError(AppError):
    """A setting is missing or makes no sense; the message names the variable. Raised at start-up only."""

    code, message = "bad_configuration", "The configuration is not valid"
