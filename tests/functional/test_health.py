"""Up or down, ready or not, and the figures."""

from dataclasses import replace

import pytest

from app import create_app
from app.broker import NoBroker
from app.db import Database, pulse
from app.errors import TransientError
from app.storage import Storage
from tests.factories import kscrash, make_crash


def beat(services) -> None:
    with services.db.write() as session:
        pulse.beat(session, pulse.WORKER, services.now())


def away(*_: object) -> None:
    raise TransientError


def test_a_process_that_answers_is_up(client):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.data) == (200, b'{"success":true,"result":{"web":"up"}}')


def test_with_every_part_at_work_it_is_ready(client, services):
    beat(services)

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json["result"] == {"database": "up", "broker": "up", "storage": "up", "worker": "up"}


def test_a_worker_that_fell_silent_is_down(client, services, clock):
    assert client.get("/readyz").json["error_message"] == "Down: worker"
    beat(services)
    clock.advance(seconds=44)
    assert client.get("/readyz").status_code == 200

    clock.advance(seconds=1)

    assert client.get("/readyz").json["error_message"] == "Down: worker"


@pytest.mark.parametrize(
    ("part", "broken"),
    [("storage", (Storage, "stat")), ("database, worker", (Database, "read"))],
    ids=["storage", "database"],
)
def test_a_part_that_is_away_is_named(client, services, monkeypatch, part, broken):
    beat(services)
    monkeypatch.setattr(*broken, away)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (503, "unavailable")
    assert answer.json["error_message"] == f"Down: {part}"
    assert answer.headers["Retry-After"] == "2"


def test_a_missing_broker_is_named(services):
    beat(services)

    answer = create_app(replace(services, broker=NoBroker())).test_client().get("/readyz")

    assert answer.json["error_message"] == "Down: broker"


def test_the_figures_count_jobs_and_waiting_logs(client, services, member, clock):
    client.get(f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences", headers=member.headers)
    client.post(f"/api/apps/{member.app.identifier}/logs", data=kscrash(), headers=member.sender)
    clock.advance(seconds=7)

    answer = client.get("/metrics")

    lines = answer.text.splitlines()
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'crashq_jobs{kind="occurrences",state="queued"} 1.0' in lines
    assert {
        "crashq_logs_waiting 1.0",
        "crashq_oldest_queued_job_seconds 7.0",
        "crashq_oldest_waiting_log_seconds 7.0",
    } <= {*lines}
    assert "crashq_worker_silent_seconds +Inf" in lines
