"""Opening the services for a command on the server itself."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.config import Config, embedded_environment
from app.operations.schema_version import is_current, require_current
from app.operations.store_setup import set_up_storage
from app.services import Services, open_services
from app.telemetry.log_lines import configure_logs


@contextmanager
def opened(data_dir: Path) -> Iterator[Services]:
    """Services of the data folder, or of the environment where that says more; an embedded database is made when missing,
    and its store with it.

    Raises ConfigError when a database of one's own lacks migrations, for those are run on purpose.
    """
    with opened_as_it_is(data_dir) as services:
        if services.db.is_postgresql:
            require_current(services.db)
        elif not is_current(services.db):
            # Alembic takes as long to import as all else that a command needs.
            from app.operations.schema import upgrade

            upgrade(services.db)
            set_up_storage(services)
        yield services


@contextmanager
def opened_as_it_is(data_dir: Path) -> Iterator[Services]:
    """The same, whatever is in the database or not."""
    configure_logs("text", logging.WARNING)
    services = open_services(Config.from_env(embedded_environment(data_dir), needs_broker=False))
    try:
        yield services
    finally:
        services.close()
