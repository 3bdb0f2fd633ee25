"""The threads of a worker process that deliver what is due, beside its tasks."""

import threading
import time

import structlog

from app.errors import TransientError
from app.services import Services
from app.webhooks.deliveries import claim_next, deliver, tidy

AT_ONCE = 4  # receivers that one process delivers to side by side
TIDY_EVERY = 60.0  # seconds
STOP_WITHIN = 12.0  # seconds, a little more than one request may take

log = structlog.get_logger()


class DeliveryPool:
    """Threads that end when nothing is due. `wake` costs nothing and may be called at any time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._is_stopping = False
        self._tidied_at = float("-inf")

    def wake(self) -> None:
        """Start a thread, for something may be due, unless enough of them run."""
        with self._lock:
            if self._is_stopping or len(self._threads) >= AT_ONCE:
                return
            thread = threading.Thread(target=self._go_on, name="delivery", daemon=True)
            self._threads.add(thread)
        thread.start()

    def stop(self) -> None:
        """Begin no further delivery, and wait for those under way; what is left is another worker's."""
        with self._lock:
            self._is_stopping = True
            threads = list(self._threads)
        deadline = time.monotonic() + STOP_WITHIN
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _go_on(self) -> None:
        try:
            self._tidy()
            while not self._is_stopping and (webhook := claim_next(self._services)) is not None:
                self.wake()  # another receiver may wait as well
                deliver(self._services, webhook, is_stopping=lambda: self._is_stopping)
        except TransientError as error:
            log.warning("push_put_off", code=error.code)  # the rows stay due
        except Exception:
            log.exception("push_broke")
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _tidy(self) -> None:
        with self._lock:
            if time.monotonic() - self._tidied_at < TIDY_EVERY:
                return
            self._tidied_at = time.monotonic()
        tidy(self._services)
