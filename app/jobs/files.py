"""Removing stored files that a job no longer needs."""

import structlog

from app.errors import TransientError
from app.services import Services

log = structlog.get_logger()


def discard(services: Services, folder: str) -> bool:
    """Delete all that is below the folder, half-written files too; False when the storage is away: a later sweep
    has to do it.
    """
    try:
        services.storage.delete_folder(folder)
    except TransientError:
        log.warning("files_left", folder=folder)
        return False
    return True


def discard_object(services: Services, key: str) -> None:
    """Delete one object; what the storage does not let go is found by `crashq doctor`."""
    try:
        services.storage.delete(key)
    except TransientError:
        log.warning("files_left", key=key)
