"""Figures as a job keeps them: JSON in its row, or in the store when they are many."""

import json
from typing import Any

from app.jobs.job_type import AnyJob, Artefact, Body, Run, Showing


def store_figures(run: Run, figures: dict[str, Any], identifier: str) -> Artefact:
    """Store them as a file named after what they are about."""
    content = json.dumps(figures, separators=(",", ":"), ensure_ascii=False).encode()
    return run.store("statistics.json", (content,), f"{identifier}-statistics.json", "application/json", in_row=True)


def show_figures(job: AnyJob, showing: Showing) -> Body:
    """The figures of a finished job; null of a live one."""
    if job.is_live:
        return Body.of(b"null")
    if job.result_text is not None:
        return Body.of(job.result_text.encode())
    assert job.result_key is not None
    assert job.result_size is not None
    return Body(job.result_size, showing.storage.stream(job.result_key, size=job.result_size))
