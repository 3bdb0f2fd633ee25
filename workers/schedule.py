"""What beat sends, and how often."""

from typing import Any

from app.config import Config
from app.queueing.broker import (
    BEGIN_CANARY,
    KEEP_AGES,
    LONG,
    PUSH,
    RECORD_HEARTBEAT,
    RENEW_FIGURES,
    RUN_EXPORTS,
    SWEEP,
    UPKEEP,
)

SWEEP_EVERY = 5.0  # seconds; bounds how long a job waits whose message was lost
KEEP_AGES_EVERY = 60.0  # seconds; each time for a few seconds at most, so that a backlog goes step by step
HEARTBEAT_EVERY = 10.0  # seconds; readyz calls workers down after missing a few
PUSH_EVERY = 5.0  # seconds; bounds how long a delivery waits whose message was lost
FIGURES_EVERY = 30.0  # seconds; looks for crashes that a release without figures has changed
EXPORTS_EVERY = 30.0  # seconds; an exporter's run takes a few of these steps

ALWAYS: dict[str, dict[str, Any]] = {
    "enqueue again, take over, clear": {
        "task": SWEEP,
        "schedule": SWEEP_EVERY,
        "options": {"queue": UPKEEP},  # no expiry: a worker whose clock runs ahead would drop every one
    },
    "remove what is older than its app keeps it": {
        "task": KEEP_AGES,
        "schedule": KEEP_AGES_EVERY,
        "options": {"queue": UPKEEP},
    },
    "prove that beat, broker, worker and database work": {
        "task": RECORD_HEARTBEAT,
        "schedule": HEARTBEAT_EVERY,
        "options": {"queue": UPKEEP},
    },
    "deliver to webhooks what is due": {
        "task": PUSH,
        "schedule": PUSH_EVERY,
        "args": [""],
        "options": {"queue": UPKEEP},
    },
    "begin and deliver what data exporters are due": {
        "task": RUN_EXPORTS,
        "schedule": EXPORTS_EVERY,
        "options": {"queue": LONG},
    },
    "complete the figures of crashes": {
        "task": RENEW_FIGURES,
        "schedule": FIGURES_EVERY,
        "args": [""],
        "options": {"queue": UPKEEP},
    },
}


def schedule(config: Config) -> dict[str, dict[str, Any]]:
    """The entries that these settings want."""
    if not config.canary_every:
        return ALWAYS
    canary = {"task": BEGIN_CANARY, "schedule": float(config.canary_every), "options": {"queue": UPKEEP}}
    return {**ALWAYS, "prove that a job's whole path works": canary}
