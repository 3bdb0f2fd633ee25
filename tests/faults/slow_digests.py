"""Digests whose INSERT takes seconds, so that a fault hits it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.deployment import Deployment


@contextmanager
def slow_digests(here: Deployment, seconds: float) -> Iterator[None]:
    """While the block runs, each INSERT into the occurrences takes so long."""
    here.query(
        "CREATE FUNCTION wait_a_while() RETURNS trigger LANGUAGE plpgsql AS"
        f" 'BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END'"
    )
    here.query("CREATE TRIGGER slow BEFORE INSERT ON occurrences FOR EACH STATEMENT EXECUTE FUNCTION wait_a_while()")
    try:
        yield
    finally:
        here.query("DROP FUNCTION wait_a_while CASCADE")


def is_inserting(here: Deployment) -> bool:
    """True while such an INSERT is under way."""
    return here.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != [(0,)]
