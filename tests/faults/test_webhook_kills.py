"""kill -9 of workers while they deliver to a webhook: every event arrives, and repetitions are known by their id."""

import json
import time

from tests.factories import kscrash
from tests.faults.conftest import RECOVERY
from tests.faults.deployment import LEASE, Servers, deployment
from tests.faults.ledger import FEW, Ledger, chance
from tests.faults.sitecustomize_lines import IN_HASTE, at_start
from tests.receiver import receiver, verified
from tests.system.conftest import until

SHORT = (
    "from datetime import timedelta",
    "from app.webhooks import deliveries",
    "deliveries.GO_ON_FOR = timedelta(seconds=2)",
    IN_HASTE,
)
CRASHES = 12


def test_every_event_reaches_the_receiver_although_workers_are_killed_in_mid_delivery(
    servers: Servers, tmp_path, ledger: Ledger
):
    random_times = chance("webhook")
    with (
        receiver() as sink,
        deployment(tmp_path, servers, 1, CRASHQ_WEBHOOKS_ALLOW="127.0.0.1", **at_start(tmp_path, *SHORT)) as here,
    ):
        wanted = json.dumps({"url": sink.url, "events": ["crash.new"]}).encode()
        made = here.send("POST", f"/api/apps/{here.app}/webhooks", wanted).json["result"]
        for number in range(FEW):
            came = len({got.headers["webhook-id"] for got in sink.got})
            sink.answer = lambda _: (time.sleep(0.1), (204, {}))[1]  # so that a kill finds one under way
            for index in range(CRASHES):
                frame = f"-[Page{chr(97 + number)}{chr(97 + index)} tapped]"
                assert here.upload(f"log-{number}-{index}", kscrash(frame=frame))
            until(lambda came=came: len(sink.got) > came, "the first delivery", RECOVERY)
            time.sleep(random_times.uniform(0, 0.5))  # at a random time
            killed = time.monotonic()
            here["worker1"].kill()
            here["worker1"].start()

            until(
                lambda came=came: len({got.headers["webhook-id"] for got in sink.got}) == came + CRASHES,
                "every event to arrive",
                LEASE + RECOVERY,
            )

            ledger.add("kill -9 of the worker, webhook", time.monotonic() - killed)
        until(lambda: states(here) == {"delivered"}, "every delivery to be recorded", LEASE + RECOVERY)
        events = [verified(made["secret"], got) for got in sink.got]
        assert {event["data"]["crash_identifier"] for event in events} == {
            identifier for (identifier,) in here.query("SELECT identifier FROM crashes")
        }
        assert len(events) <= FEW * (CRASHES + 1)  # of each kill, one delivery at most comes twice


def states(here) -> set[str]:
    """The states of all deliveries."""
    return {state for (state,) in here.query("SELECT DISTINCT state FROM webhook_deliveries")}
