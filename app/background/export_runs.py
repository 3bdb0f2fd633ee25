"""Scheduled runs of data exporters."""

from app.jobs.exporters.runs import WORK as WORK
