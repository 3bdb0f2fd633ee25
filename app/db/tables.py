"""Every module that declares a table, so that migrations and tests see them all."""

from app.db import app, crash, job, job_part, log, occurrence, pulse, token, turn, user

__all__ = ["app", "crash", "job", "job_part", "log", "occurrence", "pulse", "token", "turn", "user"]
