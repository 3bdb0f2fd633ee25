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
