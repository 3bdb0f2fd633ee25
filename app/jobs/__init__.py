"""A job is a row; its type is declared by a module in types/, found by listing that folder."""

from app.jobs import types
from app.jobs.registry import discover, only_short_list

JOB_TYPES = discover(types)
"""Name of the job type, as in rows and metrics -> what it offers."""

SHORT_LIST = only_short_list(JOB_TYPES)
"""What PostgreSQL may answer by itself in the step that would begin a job; None: nothing."""
