"""Makes the store ready at its first use, and takes no other one for it."""

from app.db.models.log import oldest_stored_keys
from app.errors import ConfigError
from app.services import Services

LOOKED_FOR = 20  # logs; one of them is enough, for some may be lost


def set_up_storage(services: Services, *, anew: bool = False) -> None:
    """Write the marker of the store, if it has none; safe to run again and by several at once.

    A store of a release before the marker is known by a log of the database that it holds. A store without marker that
    holds none is that of a new service, or not there. Raises ConfigError in the second case, unless it is to be set up
    `anew` although the database knows logs; TransientError when the store does not answer.
    """
    storage = services.storage
    if storage.is_set_up():
        return
    with services.db.read() as session:
        keys = oldest_stored_keys(session, LOOKED_FOR)
    if keys and not anew and not any(map(storage.holds, keys)):
        raise ConfigError(
            "The store holds neither its marker nor the logs that the database knows: see whether it is mounted and"
            " STORAGE_URL is right. If it is lost, `crashq db upgrade --new-store` begins with an empty one"
        )
    storage.set_up()
