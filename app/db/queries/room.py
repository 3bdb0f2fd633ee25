"""Memory that processes keep for the next text, rather than have it anew from the system each time."""

from functools import cache

from sqlalchemy import func, literal_column, select

from app.db.driver_pool import DriverConnection, Prepared


def keep_room(drivers: list[DriverConnection], size: int) -> None:
    """Let the database's processes and this one keep so many bytes that have been freed.

    They would give it back to the system and have it anew for every text, which takes longer than to write the text. The
    C library of Linux keeps free as much memory as it has once seen freed in one piece, twice over (mallopt(3), "dynamic
    mmap threshold"). Elsewhere this does nothing.
    """
    for driver in drivers:
        if driver.is_postgresql:
            driver.once(_freed(size))
    _freed_here(size)


@cache
def _freed(size: int) -> Prepared:
    return Prepared(lambda _: select(func.octet_length(func.repeat(literal_column("'x'"), literal_column(str(size))))))


@cache
def _freed_here(size: int) -> None:
    bytearray(size)
