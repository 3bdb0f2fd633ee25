"""crashq: occurrences and reports of mobile crashes, computed as jobs."""

import gc
from typing import Any

USUAL = (700, 10, 10)  # Python's own thresholds of its garbage collector

# It runs after 700 new objects that may be in cycles, and over all objects again and again as they grow more; imports make
# half a million that stay. It costs a fifth of a process's start, so it waits until `end_of_imports`.
gc.set_threshold(20_000, 10, 10)


def __getattr__(name: str) -> Any:
    """`app.create_app`, imported when it is asked for: a parser or a worker has no use for the web."""
    if name == "create_app":
        from app.web.application import create_app

        return create_app
    raise AttributeError(name)


def end_of_imports() -> None:
    """Give Python's garbage collector its usual thresholds, and leave out what the imports made, which stays for good.

    A full collection takes about 0.15 s with it. To be called once, before a process forks: children share that memory.
    """
    gc.freeze()
    gc.set_threshold(*USUAL)
