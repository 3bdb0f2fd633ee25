"""What `/metrics` tells beyond what processes count: how things stand in the database."""

from datetime import datetime

from prometheus_client.core import GaugeMetricFamily

from app.db.models.heartbeat import WORKER, last_seen
from app.db.queries.waiting import backlog, oldest_waiting
from app.queueing.broker import LONG, SHORT
from app.services import Services
from app.telemetry.canary import SUCCEEDED


def figures(services: Services) -> list[GaugeMetricFamily]:
    """The gauges, filled in. Raises TransientError."""
    jobs = GaugeMetricFamily("crashq_jobs", "Live and failed jobs in the table", labels=["kind", "state"])
    waiting = GaugeMetricFamily("crashq_queue_waiting", "What waits in a queue", labels=["queue"])
    oldest = GaugeMetricFamily("crashq_queue_oldest_seconds", "How long the oldest of it has waited", labels=["queue"])
    ages = GaugeMetricFamily("crashq_oldest_waiting_seconds", "How long due work has waited", labels=["type"])
    now = services.now()
    with services.db.read() as session:
        found, oldest_due = backlog(session, now), oldest_waiting(session, now)
        worker_seen, canary_seen = last_seen(session, WORKER), last_seen(session, SUCCEEDED)
    for (kind, state), number in sorted(found.jobs.items()):
        jobs.add_metric([kind, state], number)
    for queue in sorted({SHORT, LONG, *found.queues}):
        waits, since = found.queues.get(queue, (0, None))
        waiting.add_metric([queue], waits)
        oldest.add_metric([queue], _seconds(now, since) if since else 0)
    for type_, since in oldest_due.items():
        ages.add_metric([type_], _seconds(now, since) if since else 0)
    families = [jobs, waiting, oldest, ages]
    families.append(
        GaugeMetricFamily(
            "crashq_worker_silent_seconds", "Time since a worker last proved alive", _seconds(now, worker_seen)
        )
    )
    if services.config.canary_every:
        what = "Time since a canary last came to its end"
        families.append(GaugeMetricFamily("crashq_canary_age_seconds", what, _seconds(now, canary_seen)))
    return families


def _seconds(now: datetime, since: datetime | None) -> float:
    return max((now - since).total_seconds(), 0) if since else float("inf")
