"""More work than there is room for: of one app beside another's, and with connections to PostgreSQL used up."""

import gzip
import io
import time
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from app.config import MIB
from tests.factories import kscrash
from tests.faults.deployment import Deployment, Servers, deployment
from tests.faults.ledger import IS_SOAK, Ledger
from tests.faults.promises import check_logs, lines
from tests.servers import postgres_server, redis_server, s3_server
from tests.system.conftest import EMAIL, Operator, until

TRACE = b"java.lang.X: y\n\tat a.b(c:1)\n"
ARCHIVES, LONG_LOGS, SENDERS = 1_000, 12, 8
WITHIN = 5.0 if IS_SOAK else 15.0  # seconds for a small log beside them; other tests run beside this one in the gate
DIGESTED = "SELECT 1 FROM logs WHERE log_id = %s AND status = 'digested'"
CONNECTIONS = 15 - 3  # what a server with 15 has for roles that are no superusers; the tests' role is one
LOADED_FOR = 8.0  # seconds


def bad_archive() -> bytes:
    """A few KB that take long to read."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", TRACE * 10_000)
    return packed.getvalue()


def send_all(here: Deployment, bodies: Iterable[tuple[str, bytes, dict[str, str]]]) -> None:
    """Send logs of the deployment's app, some at a time; each has to get its 202."""

    def send(one: tuple[str, bytes, dict[str, str]]) -> int:
        log_id, body, headers = one
        return here.send("POST", f"/api/apps/{here.app}/logs?log_id={log_id}", body, **headers).status

    with ThreadPoolExecutor(SENDERS) as pool:
        assert set(pool.map(send, bodies)) == {202}


def test_a_small_log_of_one_app_beside_a_thousand_bad_archives_of_another_is_digested_within_5_s(
    servers: Servers, tmp_path: Path, ledger: Ledger
):
    settings = {"STORAGE_URL": f"file://{tmp_path}/store", "CRASHQ_WORKER_CONCURRENCY": "2"}
    with deployment(tmp_path, servers, workers=1, **settings) as here:
        added = Operator(tmp_path, here.environ).run("app", "add", "Maps", "--owner", EMAIL).stdout
        other = added.splitlines()[0].partition(": ")[2]
        archive, long_log = bad_archive(), gzip.compress(TRACE * (20 * MIB // len(TRACE) - 1))
        packed = {"Content_Encoding": "gzip"}
        send_all(here, ((f"long-{number}", long_log, packed) for number in range(LONG_LOGS)))
        send_all(here, ((f"archive-{number}", archive, {}) for number in range(ARCHIVES)))
        [(waiting,)] = here.query("SELECT count(*) FROM logs WHERE status = 'received'")
        assert waiting > ARCHIVES / 2

        for number in range(3):
            started = time.monotonic()
            path = f"/api/apps/{other}/logs?log_id=small-{number}"
            assert here.send("POST", path, kscrash()).status == 202
            until(lambda log_id=f"small-{number}": here.query(DIGESTED, log_id), "the small log's digest", 30)
            took = time.monotonic() - started
            ledger.add("small log beside a thousand bad archives", took)
            assert took < WITHIN


@pytest.mark.skipif(not IS_SOAK, reason="idle connections are kept for 30 s: `make soak` waits for them")
def test_logs_that_came_while_connections_were_used_up_are_digested_after(tmp_path: Path, ledger: Ledger):
    with postgres_server(max_connections=CONNECTIONS) as postgres, redis_server() as broker, s3_server() as s3:
        settings = {"CRASHQ_WORKER_CONCURRENCY": "2"}
        with deployment(tmp_path, Servers(postgres, broker, s3), **settings) as here:
            until_then = time.monotonic() + LOADED_FOR

            def send(sender: int) -> list[str]:
                names = (f"log-{sender}-{number}" for number in range(100_000))
                taken = []
                while time.monotonic() < until_then:
                    if here.upload(name := next(names), kscrash()):
                        taken.append(name)
                return taken

            with ThreadPoolExecutor(SENDERS) as pool:
                sent = [name for names in pool.map(send, range(SENDERS)) for name in names]
            ended = time.monotonic()
            ages = []

            def all_digested() -> bool:
                ready = here.send("GET", "/readyz")
                if ready.status == 200:
                    ages.append(ready.json["result"]["oldest_waiting"]["log"])
                try:
                    [(left,)] = here.query("SELECT count(*) FROM logs WHERE status = 'received'")
                except psycopg.OperationalError:  # no connection is free
                    return False
                return left == 0

            until(all_digested, f"{len(sent)} logs to be digested: {tmp_path}", 60, every=0.5)
            ledger.add("connections used up, then the load ends", time.monotonic() - ended)

            assert len(sent) > SENDERS
            assert max((age for age in ages if age), default=0) > 1  # which /readyz has told of meanwhile
            check_logs(here, sent)
            _tells_once_per_outage(here)


def _tells_once_per_outage(here: Deployment) -> None:
    """A line when it begins and one when it is over, not one for each task in between."""
    put_off = [line for line in lines(here, "task_put_off") if line["task"] == "digest_log"]
    goes_on = [line for line in lines(here, "task_goes_on") if line["task"] == "digest_log"]
    processes = 4
    assert len(put_off) <= len(goes_on) + processes
    for line in goes_on:
        assert line["failures"] >= 1
