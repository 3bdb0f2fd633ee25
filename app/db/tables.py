"""Every module that declares a table, so that migrations and tests see them all."""

from app.db import (
    app,
    crash,
    crash_alias,
    grouping_decision,
    job,
    job_part,
    log,
    occurrence,
    pulse,
    regrouping,
    token,
    turn,
    user,
)

__all__ = [
    "app",
    "crash",
    "crash_alias",
    "grouping_decision",
    "job",
    "job_part",
    "log",
    "occurrence",
    "pulse",
    "regrouping",
    "token",
    "turn",
    "user",
]
