"""Processor time of a block of a test, whatever else the process of the tests has in memory."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def processor_time() -> Iterator[Callable[[], float]]:
    """Gives a function that returns the seconds which this thread has taken since the block began.

    What other tests have left alive is set aside: the collector would look through it again and again.
    """
    gc.collect()
    gc.freeze()
    begun = time.thread_time()
    try:
        yield lambda: time.thread_time() - begun
    finally:
        gc.unfreeze()
