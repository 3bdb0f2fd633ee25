"""Does tasks so that no error leaves them, and pauses while a part of the service is away."""

import time
from collections.abc import Callable

import structlog

from app.errors import TransientError, as_outage
from app.telemetry import metrics

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds; each pause is twice the one before

log = structlog.get_logger()


class OutageBackoff:
    """What one thread of a worker meets. Each task counts for itself, for one may work while another cannot.

    What an unreachable database or store keeps a task from doing stays due in its rows. One line tells of an outage
    when it begins, one when it is over; in between the thread does not ask ten times a second.
    """

    def __init__(self, sleep: Callable[[float], object] = time.sleep) -> None:
        self._sleep = sleep
        self._failed: dict[str, int] = {}  # task -> how often it has failed since it last succeeded

    def perform(self, task: str, work: Callable[[], None]) -> None:
        """Do the work of a task. Returns after a pause of 0.5 to 10 s when a part of the service is away."""
        try:
            work()
        except TransientError as error:
            self._pause(task, error)
        except Exception as error:
            if outage := as_outage(error):
                self._pause(task, outage)
                return
            metrics.task_failures.add(task, "broke")
            log.exception("task_broke", task=task, error=type(error).__name__)
        else:
            times = self._failed.pop(task, 0)
            if times:
                log.info("task_goes_on", task=task, failures=times)

    def _pause(self, task: str, error: TransientError) -> None:
        times = self._failed.get(task, 0)
        self._failed[task] = times + 1
        metrics.task_failures.add(task, "put_off")
        if not times:
            log.warning("task_put_off", task=task, code=error.code)
        self._sleep(min(FIRST_PAUSE * 2 ** min(times, 10), LONGEST_PAUSE))
