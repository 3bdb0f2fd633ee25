"""Scheduled runs of data exporters."""

from app.jobs.exporter_runs import WORK as WORK
