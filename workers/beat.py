"""Beat's Celery application. It sends names of tasks and needs none of their code, which takes a second to import."""

from typing import Any

from celery.signals import after_task_publish, beat_init

from app.telemetry import metrics
from workers.application import begin, celery

__all__ = ["celery"]


@beat_init.connect
def _count_as_beat(**_: Any) -> None:
    begin("beat")
    after_task_publish.connect(_count_sent)


def _count_sent(sender: str, **_: Any) -> None:
    metrics.beat_sent.add(sender)
