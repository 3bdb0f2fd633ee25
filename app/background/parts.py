"""Parts of jobs that many workers make side by side."""

from app.jobs.parts import WORK as WORK
