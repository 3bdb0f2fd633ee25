"""The page that says what went wrong, and what to do next."""

from flask import Response, g

from app.errors import AppError, TransientError
from app.telemetry.log_lines import current_request_id
from app.web.console.page import compose, maybe_signed_in

HEADINGS = {
    401: "That could not be trusted",
    403: "Your role does not allow that",
    404: "Not found",
    405: "That cannot be done here",
    410: "No longer here",
    413: "Too large",
    429: "Too many requests",
    500: "Something went wrong",
    503: "A part of the service is away",
}
NEXT = {
    401: "Go back, reload the page, and try again.",
    403: "Ask an owner of the app; the page of its members says who they are.",
    404: "Check the address, or ask the person who sent you the link whether you are a member of the app.",
    410: "Go back and ask for it again.",
    413: "Send less at a time.",
    429: "Wait a few seconds, then try again.",
    500: "Try again. If it stays so, give the request's id to the operator of this service.",
    503: "Nothing is lost. Try again in a few seconds.",
}


def error_page(error: AppError, status: int | None = None) -> Response:
    """A page with the status of the error."""
    code = status or error.status
    values = {
        "heading": HEADINGS.get(code, "That did not work"),
        "message": error.message,
        "following": NEXT.get(code, "Go back, change what you asked for, and try again."),
        "request_id": current_request_id(),
        "who": _known_user(error),
        "apps": [],
        "app": None,
    }
    response = compose("error.html", code, values)
    if error.retry_after is not None or code == 503:
        response.headers["Retry-After"] = str(error.retry_after or 2)
    return response


def _known_user(error: AppError) -> object:
    """The signed-in user; not looked up where the database may be what is away."""
    if isinstance(error, TransientError) or error.status >= 500:
        return g.get("signed_in_user")
    try:
        return maybe_signed_in()
    except AppError:
        return None
