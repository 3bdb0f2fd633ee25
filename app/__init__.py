"""crashq: occurrences and reports of mobile crashes, computed as jobs."""

import gc
from typing import Any

# Python's collector runs after 700 new objects that may be in cycles, and over all objects again and again as they grow
# more; imports make half a million that stay. It costs a fifth of a process's start. `app.startup` has the other half.
gc.set_threshold(20_000, 10, 10)


def __getattr__(name: str) -> Any:
    """`app.create_app`, imported when it is asked for: a parser or a worker has no use for the web."""
    if name == "create_app":
        from app.web.application import create_app

        return create_app
    raise AttributeError(name)
