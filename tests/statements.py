"""The statements that are sent to a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.services import Services


@contextmanager
def statements(services: Services) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is sent to the database meanwhile, with its values."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: object) -> None:
        sent.append((statement, values))

    event.listen(services.db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(services.db.engine, "before_cursor_execute", note)
