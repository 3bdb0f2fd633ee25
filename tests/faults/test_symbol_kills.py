"""A worker that dies while it reads a file of symbols costs an attempt, and the file is made once."""

import time

from tests.faults.conftest import RECOVERY
from tests.faults.deployment import Deployment, until
from tests.faults.ledger import ROUNDS, Ledger, chance
from tests.symbols import sym

FUNCTIONS = 150_000  # some seconds of reading


def test_a_file_of_symbols_whose_worker_is_killed_in_its_midst_is_read_all_the_same(here: Deployment, ledger: Ledger):
    random_times = chance("symbols")
    for number in range(ROUNDS):
        debug_id = f"0a0b0c0d-0000-4000-8000-0000{number:08x}"
        content = sym(debug_id, *(f"shop::Cart::step{index}" for index in range(FUNCTIONS)))
        sent = here.send("POST", f"/api/apps/{here.app}/symbols?name=libcart-{number}.sym", content)
        identifier = sent.json["result"]["identifier"]
        until(lambda one=identifier: holder(here, one) is not None, "a worker to take the file", RECOVERY)
        time.sleep(random_times.uniform(0, 0.5))  # at a random time
        taken_by = holder(here, identifier)
        killed = time.monotonic()
        if taken_by is not None:  # it is read still
            for worker in ("worker1", "worker2"):
                here[worker].kill_children()

        until(lambda one=identifier: state(here, one) != "received", "the file to be read", RECOVERY)

        ledger.add("kill -9 of worker children, symbols", time.monotonic() - killed)
        assert state(here, identifier) == "ready"
        images = here.query(
            "SELECT i.debug_id FROM symbol_images i JOIN symbols s ON s.id = i.symbol_id WHERE s.identifier = %s",
            identifier,
        )
        assert [image.replace("-", "").startswith(debug_id.replace("-", "")) for (image,) in images] == [True]


def holder(here: Deployment, identifier: str) -> str | None:
    """The name of the claim on a file, while a worker has it."""
    [(name,)] = here.query("SELECT holder FROM symbols WHERE identifier = %s", identifier)
    return None if name is None else str(name)


def state(here: Deployment, identifier: str) -> str:
    """The state in the file's row."""
    [(name,)] = here.query("SELECT state FROM symbols WHERE identifier = %s", identifier)
    return str(name)
