"""A job is a row; its type is declared by a module in kinds/, found by listing that folder."""

from app.jobs import kinds
from app.jobs.registry import discover, only_short_list

KINDS = discover(kinds)
"""Name of the job type, as in rows and metrics -> what it offers."""

SHORT_LIST = only_short_list(KINDS)
"""What PostgreSQL may answer by itself in the step that would begin a job; None: nothing."""
