"""Metrics of many processes: each counts in a slot of its own, which the next one takes over, and no count is lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exposition import value

COUNT = """
import os, sys
from pathlib import Path
from app.telemetry import metrics
from app.telemetry import multiprocess_metrics
multiprocess_metrics.count_in(Path(sys.argv[1]), sys.argv[2])
for _ in range(int(sys.argv[3])):
    metrics.jobs_started.add("occurrences")
    metrics.digest_times.observe(0.05)
    metrics.http_requests.observe(0.3, "GET", "/healthz", "2xx", "no")
metrics.http_requests.flush()
print("counted", flush=True)
sys.stdin.readline()
print(multiprocess_metrics.exposition().decode())
"""
FORK = """
import os, sys
from pathlib import Path
from app.telemetry import metrics
from app.telemetry import multiprocess_metrics
multiprocess_metrics.count_in(Path(sys.argv[1]), "worker")
metrics.jobs_started.add("occurrences")
for _ in range(3):
    if os.fork() == 0:
        metrics.jobs_started.add("occurrences", by=10)
        os._exit(0)
    os.wait()
print(multiprocess_metrics.exposition().decode())
"""


class Process:
    """A process that has counted and waits."""

    def __init__(self, folder: Path, part: str, times: int) -> None:
        command = [sys.executable, "-c", COUNT, str(folder), part, str(times)]
        self.running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.running.stdout
        assert "counted\n" in iter(self.running.stdout.readline, "")

    def shows(self) -> str:
        """What it shows, after which it ends."""
        return self.running.communicate("\n", timeout=30)[0]

    def kill(self) -> None:
        self.running.send_signal(signal.SIGKILL)
        self.running.communicate(timeout=30)


def started(text: str) -> float:
    return value(text, "crashq_jobs_started_total", kind="occurrences")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "metrics"


def test_whichever_process_is_asked_shows_what_all_have_counted(folder):
    web, worker, beat = Process(folder, "web", 3), Process(folder, "worker", 4), Process(folder, "beat", 5)

    shown = {process.shows() for process in (web, worker, beat)}

    assert {started(text) for text in shown} == {12}
    assert {value(text, "crashq_digest_duration_seconds_count") for text in shown} == {12}
    assert {value(text, "crashq_http_request_duration_seconds_bucket", le="0.25") for text in shown} == {0}
    assert {value(text, "crashq_http_request_duration_seconds_bucket", le="0.5") for text in shown} == {12}


def test_a_killed_process_leaves_its_counts_and_its_slot_to_the_next_one(folder):
    first = Process(folder, "worker", 7)
    files = sorted(folder.glob("*/*"))
    first.kill()

    shown = [started(Process(folder, "worker", 1).shows()) for _ in range(3)]

    assert shown == [8, 9, 10]
    assert sorted(folder.glob("*/*")) == files


def test_children_count_apart_from_their_parent(folder):
    shown = subprocess.run([sys.executable, "-c", FORK, str(folder)], capture_output=True, text=True, check=True).stdout

    assert started(shown) == 31
    assert len(list(folder.glob("*/worker-*.lock"))) == 2  # the children came one after the other


def test_a_file_has_its_bytes_before_it_is_written_to(folder):
    Process(folder, "web", 1).kill()

    for file in folder.glob("*/*.db"):
        assert file.stat().st_blocks * 512 >= file.stat().st_size


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_costs_no_service(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)

    assert started(Process(closed / "metrics", "web", 2).shows()) == 2


def test_a_file_in_the_place_of_the_folder_costs_no_service(tmp_path):
    (tmp_path / "metrics").write_text("taken")

    assert started(Process(tmp_path / "metrics", "web", 2).shows()) == 2
