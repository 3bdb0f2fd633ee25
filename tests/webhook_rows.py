"""Rows of webhooks and deliveries, and jobs whose end they tell."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from app.db.models.webhook import Delivery, Webhook
from app.jobs import running
from app.services import Services

EVERY = ["job.finished", "job.failed", "crash.new", "crash.regressed"]
"""The events that a webhook can be told of."""


def rows(services: Services) -> list[Delivery]:
    """All deliveries, oldest first."""
    with services.db.read() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def stored(services: Services, hook: tuple[Webhook, str]) -> Webhook:
    """The webhook as it stands."""
    with services.db.read() as session:
        return session.get_one(Webhook, hook[0].id)


def finish_a_job(services: Services, ask_again: Callable[..., Any], **query: str) -> str:
    """Its id."""
    job = ask_again(**query)
    running.run(services, job.id)
    return str(job.id)
