"""S3 that fails every third call or hangs, and a full disk: tried again, never half-written."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import kscrash
from tests.faults.conftest import RECOVERY
from tests.faults.deployment import Deployment, Servers, deployment
from tests.faults.ledger import FEW, IS_SOAK, SEED, Ledger
from tests.faults.promises import (
    await_jobs,
    await_logs,
    check_finished,
    check_logs,
    check_nothing_left_over,
    lines,
    set_due,
)
from tests.servers import free_port, missing
from tests.system.conftest import log_in, until

RATE = 0.3  # of S3's answers are 503
HANG = 8.0 if IS_SOAK else 5.0  # seconds that S3 does not answer; longer than a lease
ROWS = 100_000
DISK = 2 * 1024 * 1024  # bytes of the small disk
FULL = {"success": False, "status": "unavailable", "error_message": "The storage is unavailable, try again"}


@contextmanager
def flaky(servers: Servers, rate: float) -> Iterator[tuple[Servers, subprocess.Popen[bytes]]]:
    """The servers with a proxy before S3 that fails so often."""
    port, upstream = free_port(), servers.s3.environ["AWS_ENDPOINT_URL"].rpartition(":")[2]
    proxy = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("flaky_s3.py")), str(port), upstream, str(rate), SEED]
    )
    endpoint = f"http://127.0.0.1:{port}"
    s3 = replace(servers.s3, environ={**servers.s3.environ, "AWS_ENDPOINT_URL": endpoint, "AWS_ENDPOINT": endpoint})
    try:
        until(lambda: _listens(port), "the proxy to listen", 10)
        yield replace(servers, s3=s3), proxy
    finally:
        with suppress(ProcessLookupError):
            proxy.send_signal(signal.SIGCONT)
        proxy.kill()
        proxy.wait()


@pytest.fixture(scope="module")
def behind(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployment, Deployment, str, subprocess.Popen[bytes]]]:
    """A deployment behind the proxy; the same, as seen past it; a crash with many rows; and the proxy's process."""
    with (
        flaky(servers, RATE) as (through, proxy),
        deployment(tmp_path_factory.mktemp("flaky"), through) as here,
    ):
        crash = here.long_crash(ROWS)
        yield here, Deployment(here.folder, servers, here.environ, rows=ROWS), crash, proxy


def test_an_s3_that_fails_every_third_call_fails_no_job_and_no_log(behind, ledger: Ledger):
    here, direct, crash, _ = behind
    for number in range(FEW):
        started = time.monotonic()
        logs = [f"flaky-{number}-{index}" for index in range(20)]
        jobs = [here.ask(here.new_question(crash)) for _ in range(2)]
        for log_id in logs:
            until(lambda name=log_id: here.upload(name, kscrash(frame="-[Flaky go]")), "an upload to pass", 30)

        await_jobs(here, jobs, 2 * RECOVERY)
        await_logs(here, logs, 2 * RECOVERY)

        ledger.add("S3 failing 30 % of calls: all done after", time.monotonic() - started)
        for job in jobs:
            check_finished(direct, job, ROWS)
        check_logs(direct, logs)
    check_nothing_left_over(direct)


def test_an_s3_that_hangs_for_a_while_delays_a_job_and_does_not_break_it(behind, ledger: Ledger):
    here, direct, crash, proxy = behind
    proxy.send_signal(signal.SIGUSR1)  # it fails no more
    for _ in range(3 if IS_SOAK else 1):
        job = here.ask(here.new_question(crash))
        here.holder(job)
        proxy.send_signal(signal.SIGSTOP)
        time.sleep(HANG)  # the fault's length
        proxy.send_signal(signal.SIGCONT)
        over = time.monotonic()

        await_jobs(here, [job], 2 * RECOVERY)

        ledger.add(f"S3 hanging for {HANG:.0f} s", time.monotonic() - over)
        check_finished(direct, job, ROWS)
    check_nothing_left_over(direct)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A mounted tmpfs of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], capture_output=True, text=True
    )
    if done.returncode != 0:
        if os.geteuid() == 0 and Path("/.dockerenv").exists() is False and not _in_container():
            missing("a tmpfs that can be mounted", done.stderr.strip())
        pytest.skip(f"mounting a small tmpfs is not permitted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_refuses_with_503_leaves_nothing_half_written_and_goes_on_when_there_is_room(
    small_disk: Path, servers: Servers, tmp_path: Path, ledger: Ledger
):
    store = small_disk / "objects"
    with deployment(tmp_path, servers, STORAGE_URL=store.as_uri()) as here:
        crash = here.long_crash(5_000)
        assert here.upload("before", kscrash(frame="-[Before go]"))
        await_logs(here, ["before"], RECOVERY)
        before = _files(store)
        filler = small_disk / "filler"
        _fill(filler)

        refused = here.send("POST", f"/api/apps/{here.app}/logs?log_id=refused", kscrash(reason="x" * 100_000))
        job = here.ask(here.new_question(crash))
        until(lambda: _has_begun_and_met_the_full_disk(here, job), "the job to meet the full disk")

        assert (refused.status, refused.json) == (503, FULL)
        assert refused.headers["Retry-After"]
        assert here.query("SELECT count(*) FROM logs WHERE log_id = 'refused'") == [(0,)]
        assert _files(store) == before

        filler.unlink()
        freed = time.monotonic()
        assert here.upload("refused", kscrash(reason="x" * 100_000))
        await_jobs(here, [job], RECOVERY)
        await_logs(here, ["refused"], RECOVERY)
        ledger.add("disk full, then room again", time.monotonic() - freed)
        check_logs(here, ["before", "refused"])
        [(state, key)] = here.query("SELECT state, result_key FROM jobs WHERE id = %s", job)
        assert state == "finished"
        assert store.joinpath(key).stat().st_size == here.query("SELECT result_size FROM jobs WHERE id = %s", job)[0][0]
        left = {path for path in _files(store) if path.startswith("jobs/")}
        assert {path.rpartition("/")[0] for path in left} == {key.rpartition("/")[0]}


@contextmanager
def mounted(source: Path, target: Path) -> Iterator[None]:
    """A folder that shows at another place while the block runs."""
    done = subprocess.run(["mount", "--bind", source, target], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", target], check=True)


def test_a_mount_that_goes_away_loses_no_log_and_takes_none(servers: Servers, tmp_path: Path, ledger: Ledger):
    disk, store = tmp_path / "disk", tmp_path / "store"
    disk.mkdir()
    store.mkdir()
    with ExitStack() as mount:
        mount.enter_context(mounted(disk, store))
        with deployment(tmp_path, servers, start=False, STORAGE_URL=store.as_uri()) as here:
            here.add("web")
            here.add("beat")
            until(lambda: here.send("GET", "/healthz").status == 200, "web to answer")
            log_in(here.http)
            waiting = [f"waits-{number}" for number in range(3)]
            assert all(here.upload(log_id, kscrash(frame="-[Waits go]")) for log_id in waiting)

            mount.close()
            here.add("worker1")
            refused = here.send("POST", f"/api/apps/{here.app}/logs?log_id=refused", kscrash())
            readiness = here.send("GET", "/readyz")
            until(lambda: _has_tried(here, 3 * len(waiting)), "as many attempts as may fail", 90)

            assert (refused.status, refused.json) == (503, FULL)
            assert refused.headers["Retry-After"]
            assert (readiness.status, "storage" in readiness.json["error_message"].partition(";")[0]) == (503, True)
            assert here.query("SELECT DISTINCT status, strikes FROM logs") == [("received", 0)]
            assert list(store.iterdir()) == []

            mount.enter_context(mounted(disk, store))
            back = time.monotonic()
            assert here.upload("refused", kscrash())
            set_due(here)
            await_logs(here, [*waiting, "refused"], 2 * RECOVERY)
            ledger.add("the store's mount gone, then back", time.monotonic() - back)
            check_logs(here, [*waiting, "refused"])


def _has_begun_and_met_the_full_disk(here: Deployment, job: str) -> bool:
    return any(line["job"] == job for line in lines(here, "job_queued_again"))


def _has_tried(here: Deployment, times: int) -> bool:
    """Digests have been tried so often; the test waits for no pause."""
    set_due(here)
    return len(lines(here, "digest_retried")) >= times


def _fill(filler: Path) -> None:
    """Take every byte that is left."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _in_container() -> bool:
    """True where root is not allowed to mount although it is root."""
    effective = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff:")
    ).split()[1]
    return not int(effective, 16) >> 21 & 1  # CAP_SYS_ADMIN
