"""Redis that answers but refuses: a failover, no memory, a new password, a message that is none. Workers live on."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import redis

from app.queueing.broker import message
from tests.factories import kscrash
from tests.faults.deployment import Deployment
from tests.faults.ledger import IS_SOAK
from tests.faults.promises import await_logs, check_logs, lines
from tests.servers import free_port
from tests.system.conftest import is_alive, until

REFUSED = 6.0 if IS_SOAK else 3.0  # seconds; long enough for a worker to reconnect more than once
BACK = 20.0  # seconds after Redis takes writes again
WORKERS = ("worker1", "worker2")


@contextmanager
def replica(client: redis.Redis) -> Iterator[None]:
    """Redis follows a primary that is not there, as in a failover: READONLY, UNBLOCKED."""
    client.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
    try:
        yield
    finally:
        client.execute_command("REPLICAOF", "NO", "ONE")


@contextmanager
def stale_replica(client: redis.Redis) -> Iterator[None]:
    """The same, and it answers nothing at all: MASTERDOWN."""
    client.config_set("replica-serve-stale-data", "no")
    try:
        with replica(client):
            yield
    finally:
        client.config_set("replica-serve-stale-data", "yes")


@contextmanager
def full(client: redis.Redis) -> Iterator[None]:
    """No memory for anything new: OOM. Who is connected has to connect again meanwhile, which declares queues."""
    client.config_set("maxmemory", "1mb")
    client.execute_command("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
    try:
        yield
    finally:
        client.config_set("maxmemory", "0")


@contextmanager
def locked(client: redis.Redis) -> Iterator[None]:
    """A password that nobody knows: NOAUTH."""
    client.config_set("requirepass", "unknown to all")
    client.execute_command("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
    try:
        yield
    finally:
        client.config_set("requirepass", "")


@contextmanager
def unblocked(client: redis.Redis) -> Iterator[None]:
    """Each blocking pop is answered with UNBLOCKED, as when a primary steps down."""
    for one in client.client_list():
        if one["cmd"] == "brpop":
            client.execute_command("CLIENT", "UNBLOCK", one["id"], "ERROR")
    yield


def living(here: Deployment) -> list[int]:
    """The process ids of those workers' parents that have not ended."""
    return [here[name].pid for name in WORKERS if is_alive(here[name].pid)]


def upload(here: Deployment, name: str) -> list[str]:
    """Three logs that got their 202."""
    made = [f"{name}-{time.monotonic_ns()}" for _ in range(3)]
    assert all(here.upload(log_id, kscrash(frame="-[Refused go]")) for log_id in made)
    return made


@pytest.mark.parametrize("refusal", [replica, stale_replica, full, locked, unblocked])
def test_a_worker_outlives_it_and_goes_on(
    here: Deployment, refusal: Callable[[redis.Redis], AbstractContextManager[None]]
):
    pids = living(here)
    logs = upload(here, f"before-{refusal.__name__}")
    with here.redis() as client, refusal(client):
        logs += upload(here, refusal.__name__)
        time.sleep(0 if refusal is unblocked else REFUSED)  # the fault's length; that one is a single answer

    await_logs(here, logs, BACK)
    later = upload(here, f"after-{refusal.__name__}")
    await_logs(here, later, BACK)

    assert living(here) == pids
    check_logs(here, logs + later)


def envelope(**changed: object) -> str:
    return json.dumps({**json.loads(message("digest_log", "1", "short")), **changed})


POISON = [
    b"not json",
    b"\xff\xfe",
    b"[" * 200_000,
    b"[]",
    b"{}",
    b'"text"',
    b"7",
    envelope(headers=None).encode(),
    envelope(headers={}).encode(),
    envelope(headers={"task": "another_service.task"}).encode(),
    envelope(headers={"task": ["digest_log"]}).encode(),
    envelope(body="not base64 !").encode(),
    envelope(body="bm90IGpzb24=").encode(),  # "not json"
    envelope(properties={}).encode(),
    message("digest_log", "no number", "short").encode(),
]


def test_messages_that_cannot_be_read_are_dropped_and_the_next_ones_are_worked_on(here: Deployment):
    pids = living(here)
    with here.redis() as client:
        for poison in POISON:
            client.lpush("crashq:short", poison)
        until(lambda: client.llen("crashq:short") == 0, "the messages to be taken", BACK)

    logs = upload(here, "after-poison")
    await_logs(here, logs, BACK)

    assert len(pids) == len(WORKERS)
    assert living(here) == pids
    dropped = [line["error"] for line in lines(here, "task_message_dropped")]
    assert len(dropped) >= len(POISON) - 3  # what is wrong with the body only, Celery finds and tells
    assert {"JSONDecodeError", "UnknownTask", "KeyError"} <= set(dropped)
