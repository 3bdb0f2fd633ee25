"""Every module that declares a table, so that migrations and tests see them all."""

from app.db import (
    app,
    app_settings,
    crash,
    crash_alias,
    doomed_object,
    erasure,
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
    "app_settings",
    "crash",
    "crash_alias",
    "doomed_object",
    "erasure",
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
