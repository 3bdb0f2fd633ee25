"""Stores that are ready for use, as `crashq db upgrade` leaves them."""

from app.storage import Storage, open_storage


def ready_store(url: str) -> Storage:
    """The store of a STORAGE_URL, set up."""
    storage = open_storage(url)
    storage.set_up()
    return storage
