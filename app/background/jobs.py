"""Jobs: one request for a computed result each."""

from app.jobs.running import WORK as WORK
