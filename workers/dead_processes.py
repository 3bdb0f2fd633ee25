"""Notices that a process of this worker has died, so that its rows are freed at once and not when their leases run out."""

from typing import Any

import structlog
from celery import bootsteps
from kombu.exceptions import OperationalError

from app.queueing.broker import TAKE_FROM_DEAD, UPKEEP
from app.services import holders_of

LOOK_EVERY = 1.0  # seconds

log = structlog.get_logger()


class DeadProcesses(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs in the worker's parent, which must not open the database: the processes that it forks would share connections.

    So another process frees the rows. Without Redis nobody does, and the leases run out.
    """

    requires = ("celery.worker.components:Pool", "celery.worker.components:Timer")

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._known: set[int] = set()  # pids
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        """Begin to look, from the worker's event loop."""
        self._timer = parent.timer.call_repeatedly(LOOK_EVERY, self._look, (parent,))

    def stop(self, parent: Any) -> None:  # noqa: ARG002
        """Look no more: processes that end from now on were told to."""
        if self._timer is not None:
            self._timer.cancel()

    terminate = stop

    def _look(self, parent: Any) -> None:
        alive = set(parent.pool.info["processes"])
        gone, self._known = self._known - alive, alive
        for pid in gone:  # also one that was replaced after its share of tasks: it held nothing
            self._tell(parent.app, pid)

    def _tell(self, app: Any, pid: int) -> None:
        from workers.celery import WORKER, config

        message = {"args": [holders_of(WORKER, pid)], "queue": UPKEEP}
        try:
            app.send_task(TAKE_FROM_DEAD, **message, expires=config.job_lease, retry=False)
        except OperationalError:
            log.warning("death_not_reported", pid=pid)
