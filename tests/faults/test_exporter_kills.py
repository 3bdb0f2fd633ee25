"""kill -9 of the worker in the midst of an exporter's run: one whole run, each occurrence in it once."""

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from tests.faults.conftest import RECOVERY
from tests.faults.deployment import LEASE, Deployment, Servers, deployment
from tests.faults.ledger import Ledger, chance
from tests.faults.promises import _client, _place, read_object
from tests.faults.sitecustomize_lines import IN_HASTE, at_start
from tests.system.conftest import until

ROWS = 120_000  # two parts
EVERY = 1.0  # seconds from step to step; 30 in production
BEATS = 30.0  # seconds; a run takes a few steps, and processes a while to start
SHORT = (
    "from workers import schedule",
    "[entry] = [one for one in schedule.ALWAYS.values() if one['task'] == schedule.RUN_EXPORTS]",
    f"entry['schedule'] = {EVERY}",
    IN_HASTE,
)


def test_a_run_is_delivered_whole_and_once_although_its_worker_is_killed(servers: Servers, tmp_path, ledger: Ledger):
    random_times = chance("exporter")
    with deployment(tmp_path, servers, workers=1, **at_start(tmp_path, *SHORT)) as here:
        here.long_crash(ROWS)
        soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        wanted = {"name": "Nightly", "apps": [here.app], "bucket_name": "archive", "initial_run_at": soon}
        answer = here.send("POST", "/api/data_exporters", json.dumps(wanted).encode())
        path = f"/api/data_exporters/{answer.json['result']['identifier']}/runs"
        until(lambda: states(here) - {"waiting"}, "the run to begin", BEATS)
        time.sleep(random_times.uniform(0, 2))  # at a random time
        killed = time.monotonic()
        here["worker1"].kill()
        here["worker1"].start()

        until(lambda: states(here) == {"done"}, "the run to be done", LEASE + BEATS + RECOVERY)

        ledger.add("kill -9 of the worker, exporter's run", time.monotonic() - killed)
        [run] = here.send("GET", path).json["result"]
        assert (run["rows"], run["files"], run["error"]) == (ROWS, 2, None)
        keys = exported(here)
        [manifest] = [key for key in keys if key.endswith("/manifest.json")]
        folder = manifest.removesuffix("manifest.json")
        names = [part["filename"] for part in json.loads(read_object(here, manifest))["parts"]]
        assert sorted(keys) == sorted([manifest, *(folder + name for name in names)])
        rows = Counter(
            json.loads(line)["id"] for name in names for line in read_object(here, folder + name).splitlines()
        )
        assert len(rows) == rows.total() == ROWS


def states(here: Deployment) -> set[str]:
    """The states of all runs."""
    return {state for (state,) in here.query("SELECT state FROM data_exporter_runs")}


def exported(here: Deployment) -> list[str]:
    """Keys below exports/ in the store."""
    bucket, prefix = _place(here)
    client = _client(here)
    try:
        found = client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/exports/")
        return [item["Key"].removeprefix(f"{prefix}/") for item in found.get("Contents", [])]
    finally:
        client.close()
