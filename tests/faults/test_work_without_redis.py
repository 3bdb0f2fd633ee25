"""While Redis takes no messages, for whatever reason, one worker process does all that is due, once."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.factories import kscrash
from tests.faults.deployment import Deployment, Servers, deployment
from tests.faults.ledger import IS_SOAK, Ledger
from tests.faults.mortal import Mortal
from tests.faults.promises import await_jobs, await_logs, check_finished, check_logs, lines
from tests.faults.sitecustomize_lines import IN_HASTE, at_start
from tests.faults.test_redis_refusals import full, replica
from tests.system.conftest import until

WITHIN = 15.0  # seconds
LONG_LIST = 50_000  # rows; above what is a short job
BACK = 30.0  # seconds after Redis is back
SOON = "from workers import broker_watch\nbroker_watch.GO_ON_FOR = 3.0"  # seconds


@pytest.fixture(scope="module")
def own(servers: Servers, redis_process: Mortal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment on a Redis that is put into such states. In the gate workers turn to it again soon after it is back."""
    folder = tmp_path_factory.mktemp("without-redis")
    with deployment(folder, servers, **({} if IS_SOAK else at_start(folder, IN_HASTE, SOON))) as made:
        yield made


@pytest.fixture
def refused(own: Deployment, redis_process: Mortal) -> Callable[[str], AbstractContextManager[None]]:
    """A block in which Redis is full, read-only or killed."""

    def begin(how: str) -> AbstractContextManager[None]:
        if how == "killed":
            return redis_process.away()
        return {"full": full, "read-only": replica}[how](own.redis())

    return begin


@pytest.mark.parametrize("how", ["full", "read-only", "killed"])
def test_uploads_and_jobs_come_through_and_each_once(own: Deployment, refused, how: str, ledger: Ledger):
    until(lambda: own.send("GET", "/readyz").status == 200, "readiness", BACK)
    short, long = own.long_crash(10), own.long_crash(LONG_LIST)
    with refused(how):
        begun = time.monotonic()
        logs = [f"{how}-{number}" for number in range(20)]
        assert all(own.upload(log_id, kscrash(frame=f"-[Without{log_id[-1]} go]")) for log_id in logs)
        small, large = own.ask(own.new_question(short)), own.ask(own.new_question(long))

        await_logs(own, logs, WITHIN)
        await_jobs(own, [small, large], WITHIN)

        ledger.add(f"Redis {how}: logs and jobs of that time", time.monotonic() - begun)
        answer = own.send("GET", "/readyz")
        assert (answer.status, answer.json["error_message"]) == (
            503,
            "Down: broker; up: database, storage, worker",
        )
    check_logs(own, logs)
    check_finished(own, small, 10)
    check_finished(own, large, LONG_LIST)
    assert lines(own, "direct_work_begins")
    until(
        lambda: len(lines(own, "direct_work_ends")) == len(lines(own, "direct_work_begins")),
        "workers to wait for messages again", BACK,
    )  # fmt: skip

    later = [f"after-{how}-{number}" for number in range(5)]
    assert all(own.upload(log_id, kscrash(frame="-[After go]")) for log_id in later)
    await_logs(own, later, BACK)
    check_logs(own, later)
