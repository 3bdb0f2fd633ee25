"""Calls a function before each statement of a database that is not part of a session that writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from app.db import Database
from app.db.driver_pool import DriverConnection


@contextmanager
def before_statements(db: Database, act: Callable[[str], None]) -> Iterator[None]:
    """Call `act` with the text of each statement, of sessions and of driver connections."""
    run = DriverConnection._run

    def run_after(driver: DriverConnection, compiled: Any, values: dict[str, Any]) -> Any:
        act(compiled.sql)
        return run(driver, compiled, values)

    def execute_after(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not connection.get_execution_options().get("crashq_writes"):
            act(statement)

    event.listen(db.engine, "before_cursor_execute", execute_after)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DriverConnection, "_run", run_after)
            yield
    finally:
        event.remove(db.engine, "before_cursor_execute", execute_after)
