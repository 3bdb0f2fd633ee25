"""crashq: occurrences and reports of mobile crashes, computed as jobs."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`app.create_app`, imported when it is asked for: a parser or a worker has no use for the web."""
    if name == "create_app":
        from app.web.application import create_app

        return create_app
    raise AttributeError(name)
