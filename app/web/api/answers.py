"""The shapes of answers: success, error, and bodies that stream."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import Response

from app.errors import STATUS_WORDS, AppError
from app.jobs.job_type import Body

RETRY_UNAVAILABLE = 2  # seconds; database, storage or broker is away


def success(result: Any, status: int = 200) -> Response:
    """`{"success":true,"result":…}`."""
    return _json({"success": True, "result": result}, status)


def bare_success() -> Response:
    """`{"success":true}`, where there is nothing to tell."""
    return _json({"success": True}, 200)


def document(value: Any) -> Response:
    """Any other JSON document."""
    return _json(value, 200)


def error(problem: AppError) -> Response:
    """The contract's error body for an error raised on purpose."""
    response = error_body(problem.status, problem.message)
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    response.headers["X-Error-Code"] = problem.code
    return response


def error_body(status: int, message: str) -> Response:
    """`{"success":false,"status":"<word>","error_message":"<sentence>"}`."""
    response = _json({"success": False, "status": STATUS_WORDS[status], "error_message": message}, status)
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_UNAVAILABLE)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Token"
    response.headers["Cache-Control"] = "no-store"
    return response


def stream(body: Body, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    """A JSON body of known size, sent chunk by chunk."""
    own = {"Content-Type": "application/json", "Content-Length": str(body.size)}
    return Response(body.chunks, headers={**own, **headers})


def _json(value: Any, status: int) -> Response:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Response(text.encode(errors="replace"), status=status, mimetype="application/json")
