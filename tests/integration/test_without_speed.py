"""Each part for speed can be left out, and all of them: what clients see stays the same (both databases)."""

import json
import zipfile
from dataclasses import replace
from io import BytesIO

import pytest
import redis
from flask.testing import FlaskClient
from psycopg import RawCursor

from app import create_app
from app.db import open_database
from app.db.driver_pool import DriverConnection, Prepared
from app.queueing.broker import RUN_JOB, SHORT, MemoryBroker
from app.services import Services, open_services
from app.speed import PARTS, Speed
from app.storage import open_storage
from tests.batches import made, ndjson
from tests.factories import CONFIG, kscrash, make_crash
from tests.integration.test_poll_cost import statements
from tests.uploads import digested, export_url

EVERY = ",".join(PARTS)


@pytest.fixture(params=[*PARTS, EVERY], ids=[*PARTS, "every part"])
def without(request) -> str:
    """The names of the parts that are left out."""
    return request.param


@pytest.fixture
def services(database_url, clock, without):
    """Of a server of one process, which has a response cache if that is on."""
    config = replace(
        CONFIG, database_url=database_url, web_concurrency=1, repeat_for=1_000, speed=Speed.without(without)
    )
    db = open_database(database_url, async_commits=config.speed.async_commits)
    opened = Services(config, db, open_storage("memory://"), MemoryBroker(), clock)
    yield opened
    opened.close()


@pytest.fixture
def client(services) -> FlaskClient:
    return create_app(services).test_client()


def test_a_log_is_digested_listed_exported_and_put_into_a_batch(services, client, member, run_workers):
    log = digested(client, member, run_workers)
    crash = log["occurrences"][0]["crash_identifier"]
    listed = f"/api/crashes/{crash}/occurrences"
    polls = []
    for path in (listed, export_url(log, format="zip")):
        polls += [client.get(path, headers=member.headers).json for _ in range(2)]
        run_workers()
        polls += [client.get(path, headers=member.headers).json for _ in range(2)]
    report = client.get(polls[-1]["result"]["url"])
    batch = made(client, member, run_workers, f"crashes/{crash}", format="ndjson")

    assert [poll["loading"] for poll in polls] == [[True], [True], [False], [False]] * 2
    assert len({poll["job_id"] for poll in polls[:4]}) == len({poll["job_id"] for poll in polls[4:]}) == 1
    assert polls[3]["result"] == [{"id": log["occurrences"][0]["id"], "date": log["date"], "log_id": log["log_id"]}]
    with zipfile.ZipFile(BytesIO(report.data)) as archive:
        assert kscrash() in [archive.read(name) for name in archive.namelist()]
    assert [(one["id"], one["log_id"]) for one in ndjson(client, batch)] == [
        (log["occurrences"][0]["id"], log["log_id"])
    ]


def test_a_held_request_returns_when_the_job_ends_and_a_cancelled_job_is_gone(services, client, member, run_workers):
    path = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"
    held = client.get(path, headers={**member.headers, "Prefer": "wait=0"})
    run_workers()
    finished = client.get(path, headers={**member.headers, "Prefer": "wait=5"})
    client.delete(f"/api/jobs/{held.json['job_id']}", headers=member.headers)
    freed = client.get(path, query_string={"job_id": held.json["job_id"]}, headers=member.headers)

    assert (held.json["loading"], finished.json["loading"], len(finished.json["result"])) == ([True], [False], 3)
    assert freed.status_code == 410


@pytest.mark.parametrize("without", ["response-cache"])
def test_without_the_response_cache_each_poll_asks_the_database(services, client, member, run_workers):
    path = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"
    client.get(path, headers=member.headers)
    run_workers()

    with statements(services) as sent:
        for _ in range(3):
            assert client.get(path, headers=member.headers).json["loading"] == [False]

    assert len(sent) == 3


@pytest.mark.parametrize("without", ["brief-wait"])
def test_without_the_brief_wait_a_poll_looks_once(services, client, member):
    path = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"
    client.get(path, headers=member.headers)

    with statements(services) as sent:
        assert client.get(path, headers=member.headers).json["loading"] == [True]

    assert len(sent) == 1


@pytest.mark.parametrize("without", ["debouncing"])
def test_without_debouncing_each_row_has_its_message_at_once(services, redis_url):
    opened = open_services(replace(services.config, redis_url=redis_url, redis_prefix="without:"))
    for number in range(3):
        opened.broker.enqueue_debounced(RUN_JOB, str(number) * 24, SHORT)
    opened.close()

    with redis.Redis.from_url(redis_url) as there:
        sent = [json.loads(message)["headers"]["task"] for message in there.lrange(f"without:{SHORT}", 0, -1)]
        there.delete(f"without:{SHORT}")
    assert sent == [RUN_JOB] * 3


@pytest.mark.parametrize("without", ["async-commits"])
def test_without_asynchronous_commits_each_commit_waits_for_the_disk(
    services, client, member, run_workers, monkeypatch
):
    if not services.db.is_postgresql:
        pytest.skip("SQLite's commits always wait")
    path, commits = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences", []
    first = DriverConnection.first

    def first_in_transaction(driver: DriverConnection, statement: Prepared, **values):
        driver.connection.execute("SET synchronous_commit = on")  # the tests' server does without
        driver.connection.execute("BEGIN")
        found = first(driver, statement, **values)
        commits.append(RawCursor(driver.connection).execute("SHOW synchronous_commit").fetchone()[0])
        driver.connection.execute("COMMIT")
        return found

    monkeypatch.setattr(DriverConnection, "first", first_in_transaction)
    answer = client.get(path, headers=member.headers)
    run_workers()

    assert answer.json["loading"] == [True]
    assert len(commits) >= 3  # the job begins, is claimed, is finished
    assert set(commits) == {"on"}


@pytest.mark.parametrize("without", ["lists-at-claim"])
def test_without_lists_at_the_claim_compute_makes_them(services, client, member, run_workers):
    path = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"
    client.get(path, headers=member.headers)
    with statements(services) as sent:
        run_workers()

    assert len(client.get(path, headers=member.headers).json["result"]) == 3
    assert len(sent) > 2  # where they are on, one makes the list, and one finds no other job
