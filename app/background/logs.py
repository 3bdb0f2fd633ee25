"""Digests: uploaded logs become occurrences."""

from app.ingest.digest import WORK as WORK
