"""crashq's worker, which knows the kind that waits too: `celery --app bench.waiting_worker worker`."""

from bench import waiting
from workers.celery import celery

waiting.register()

__all__ = ["celery"]
