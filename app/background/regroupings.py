"""Regroupings: an app's stored logs are grouped anew."""

from app.ingest.regrouping import WORK as WORK
