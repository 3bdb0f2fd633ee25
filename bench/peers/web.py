"""The Flask application that every peer has in front: enqueue, then look by the job's id."""

from collections.abc import Callable
from typing import Any

from flask import Flask, request


def make_web(enqueue: Callable[[str], str], look: Callable[[str], list[dict[str, Any]] | None]) -> Flask:
    """`enqueue(crash)` returns a job's id; `look(job_id)` its rows, or None while it runs."""
    web = Flask("peer")

    @web.get("/api/crashes/<crash>/occurrences")
    def occurrences(crash: str) -> dict[str, Any]:
        job_id = request.args.get("job_id")
        if job_id is None:
            return {"loading": [True], "job_id": enqueue(crash), "success": True, "result": []}
        rows = look(job_id)
        return {"loading": [rows is None], "job_id": job_id, "success": True, "result": rows or []}

    return web


def add_exports(web: Flask, enqueue: Callable[[str, str], str], look: Callable[[str], dict[str, int] | None]) -> None:
    """The same for files of rows: `enqueue(crash, format)` returns a job's id, `look` what it has written."""

    @web.get("/api/crashes/<crash>/exports")
    def exports(crash: str) -> dict[str, Any]:
        job_id = request.args.get("job_id") or enqueue(crash, request.args["format"])
        written = look(job_id) if "job_id" in request.args else None
        return {"loading": [written is None], "job_id": job_id, "success": True, "result": written}
