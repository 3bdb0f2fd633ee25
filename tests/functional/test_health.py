"""Up or down, ready or not, and the figures."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from app import create_app
from app.db import Database
from app.db.models import heartbeat
from app.db.models.webhook import Delivery, DeliveryState, Webhook
from app.db.queries.waiting import TYPES
from app.errors import TransientError
from app.queueing.broker import NoBroker
from app.storage import Storage
from app.web.api import health
from tests.batches import begin
from tests.exposition import value
from tests.factories import join, kscrash, make_crash

NOTHING_WAITS = dict.fromkeys(TYPES)


def record_heartbeat(services) -> None:
    with services.db.write() as session:
        heartbeat.record(session, heartbeat.WORKER, services.now())


def away(*_: object) -> None:
    raise TransientError


def test_a_process_that_answers_is_up(client):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.data) == (200, b'{"success":true,"result":{"web":"up"}}')


def test_with_every_part_at_work_it_is_ready(client, services):
    record_heartbeat(services)

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json["result"] == {
        "database": "up", "broker": "up", "storage": "up", "worker": "up", "canary": "not yet",
        "oldest_waiting": NOTHING_WAITS,
    }  # fmt: skip


def test_a_backlog_is_told_and_makes_nobody_unready(client, services, member, clock):
    client.post(f"/api/apps/{member.app.identifier}/logs", data=kscrash(), headers=member.sender)
    client.get(f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences", headers=member.headers)
    clock.advance(seconds=86_400)
    record_heartbeat(services)

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json["result"]["oldest_waiting"] == {**NOTHING_WAITS, "log": 86_400, "job": 86_400}
    lines = client.get("/metrics").text.splitlines()
    assert {
        'crashq_oldest_waiting_seconds{type="log"} 86400.0',
        'crashq_oldest_waiting_seconds{type="job"} 86400.0',
        'crashq_oldest_waiting_seconds{type="erasure"} 0.0',
    } <= {*lines}


def test_what_waits_is_looked_at_again_after_five_seconds(client, services, member, clock):
    def waits() -> int | None:
        return client.get("/readyz").json["result"]["oldest_waiting"]["log"]

    record_heartbeat(services)
    assert waits() is None

    client.post(f"/api/apps/{member.app.identifier}/logs", data=kscrash(), headers=member.sender)
    clock.advance(seconds=4)
    assert waits() is None
    clock.advance(seconds=1)
    assert waits() == 5
    clock.advance(seconds=3)
    assert waits() == 8


def test_not_knowing_what_waits_makes_nobody_unready(client, services, monkeypatch):
    record_heartbeat(services)
    monkeypatch.setattr(health, "oldest_waiting", away)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["result"]["oldest_waiting"]) == (200, None)


def test_a_worker_that_fell_silent_is_down(client, services, clock):
    assert client.get("/readyz").json["error_message"] == "Down: worker; up: database, broker, storage"
    record_heartbeat(services)
    clock.advance(seconds=44)
    assert client.get("/readyz").status_code == 200

    clock.advance(seconds=1)

    assert client.get("/readyz").json["error_message"].startswith("Down: worker;")


@pytest.mark.parametrize(
    ("part", "broken"),
    [
        ("storage; up: database, broker, worker", (Storage, "stat")),
        ("database, worker; up: broker, storage", (Database, "read")),
    ],
    ids=["storage", "database"],
)
def test_a_part_that_is_away_is_named(client, services, monkeypatch, part, broken):
    record_heartbeat(services)
    monkeypatch.setattr(*broken, away)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (503, "unavailable")
    assert answer.json["error_message"] == f"Down: {part}"
    assert answer.headers["Retry-After"] == "2"


def test_a_missing_broker_is_named(services):
    record_heartbeat(services)

    answer = create_app(replace(services, broker=NoBroker())).test_client().get("/readyz")

    assert answer.json["error_message"] == "Down: broker; up: database, storage, worker"


def test_the_figures_count_jobs_and_waiting_logs(client, services, member, clock):
    client.get(f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences", headers=member.headers)
    client.post(f"/api/apps/{member.app.identifier}/logs", data=kscrash(), headers=member.sender)
    clock.advance(seconds=7)

    answer = client.get("/metrics")

    lines = answer.text.splitlines()
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'crashq_jobs{kind="occurrences",state="queued"} 1.0' in lines
    assert {
        'crashq_queue_waiting{queue="ingest"} 1.0',
        'crashq_queue_waiting{queue="short"} 1.0',
        'crashq_queue_waiting{queue="long"} 0.0',
        'crashq_queue_oldest_seconds{queue="ingest"} 7.0',
        'crashq_queue_oldest_seconds{queue="short"} 7.0',
        'crashq_queue_oldest_seconds{queue="long"} 0.0',
    } <= {*lines}
    assert "crashq_worker_silent_seconds +Inf" in lines
    assert "crashq_canary_age_seconds +Inf" in lines


def test_the_figures_tell_of_parts_of_jobs_and_of_deliveries_that_wait(client, services, member, clock):
    begin(services, member, make_crash(services, member.app))
    with services.db.write() as session:
        hook = Webhook(
            identifier="0" * 24, app_id=member.app.id, url="https://example.com", secret="", on_job_finished=True,
            on_job_failed=True, on_crash_new=True, active=True, created_at=clock(),
        )  # fmt: skip
        session.add(hook)
        session.flush()
        told = {"event": "crash.new", "state": DeliveryState.PENDING, "attempts": 0, "created_at": clock()}
        session.add(Delivery(webhook_id=hook.id, subject="1" * 24, next_at=clock(), **told))
        session.add(Delivery(webhook_id=hook.id, subject="2" * 24, next_at=clock() + timedelta(hours=1), **told))
    clock.advance(seconds=9)

    lines = client.get("/metrics").text.splitlines()

    assert 'crashq_queue_waiting{queue="parts"} 1.0' in lines
    assert 'crashq_queue_waiting{queue="push"} 1.0' in lines
    assert 'crashq_queue_oldest_seconds{queue="push"} 9.0' in lines


def test_without_a_canary_none_is_told_of(services):
    record_heartbeat(services)
    client = create_app(replace(services, config=replace(services.config, canary_every=0))).test_client()

    assert client.get("/readyz").json["result"]["canary"] == "off"
    assert "crashq_canary_age_seconds" not in client.get("/metrics").text


def test_requests_are_counted_by_their_route_and_by_how_they_ended(client, member):
    def count(**labels: str) -> float:
        return value(client.get("/metrics").text, "crashq_http_request_duration_seconds_count", **labels)

    crashes = {"route": "/api/apps/<app_identifier>/crashes", "method": "GET", "held": "no"}
    before = [count(**crashes, status="2xx"), count(**crashes, status="4xx"), count(route="none", status="4xx")]

    for _ in range(3):
        client.get(f"/api/apps/{member.app.identifier}/crashes", headers=member.headers)
    client.get(f"/api/apps/{member.app.identifier}/crashes")
    client.get("/api/no-such-path/ada@example.com")

    after = [count(**crashes, status="2xx"), count(**crashes, status="4xx"), count(route="none", status="4xx")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [3, 1, 1]
    assert "ada@example.com" not in client.get("/metrics").text


def test_a_question_that_another_one_answers_is_counted(client, services, member, run_workers):
    other = join(services, "grace@example.com", member.app)
    url = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"

    def count(by: str) -> float:
        return value(client.get("/metrics").text, "crashq_questions_shared_total", kind="occurrences", by=by)

    before = count("joining"), count("answer")
    client.get(url, headers=member.headers)
    client.get(url, headers=other.headers)
    run_workers()
    third = join(services, "joan@example.com", member.app)
    client.get(url, headers=third.headers)
    client.get(url, headers=third.headers)

    assert (count("joining") - before[0], count("answer") - before[1]) == (1, 1)


def test_polls_leave_no_line(client, services, member, run_workers, lines):
    url = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"
    client.get(url, headers=member.headers)
    client.get(url, headers=member.headers)
    run_workers()
    told = lines.getvalue()

    for _ in range(3):
        assert client.get(url, headers=member.headers).json["loading"] == [False]

    assert [json.loads(line)["event"] for line in told.splitlines()] == ["job_queued", "job_started", "job_finished"]
    assert lines.getvalue() == told


def test_with_an_access_log_each_request_is_a_line_without_its_path(services, lines):
    client = create_app(replace(services, config=replace(services.config, access_log=True))).test_client()

    client.get("/api/crashes/0123/occurrences?user=ada@example.com", headers={"X-Request-Id": "mine-1"})

    [line] = [json.loads(line) for line in lines.getvalue().splitlines() if "served" in line]
    assert (line["request"], line["status"]) == ("mine-1", 401)
    assert line["route"] == "/api/crashes/<crash_identifier>/occurrences"
