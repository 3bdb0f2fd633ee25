"""The first request for a list finds that there is none, and begins its job, by one statement (PostgreSQL)."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from app.db.hot.poll import NEW
from app.db.models.crash import Crash
from app.db.models.job import Job, JobAsker, JobState
from app.jobs import JOB_TYPES
from app.jobs.service import LONG_FROM, ask
from app.queueing.broker import LONG, SHORT
from tests.factories import NOON, join, make_crash, make_member, run_enqueued
from tests.integration.test_poll_cost import statements


@pytest.fixture
def database_url(postgres_database) -> str:
    return postgres_database


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app, occurrences=3)


@pytest.fixture
def get(services, client_of, member, crash):
    """Ask for the crash's occurrences."""
    client = client_of(services)
    path = f"/api/crashes/{crash.identifier}/occurrences"
    return lambda who=member, **query: client.get(path, query_string=query, headers=who.headers)


def jobs_of(services) -> list[Job]:
    with services.db.read() as session:
        return list(session.query(Job).order_by(Job.created_at, Job.id))


def test_the_first_request_is_one_statement(services, get):
    get(per_page="7")  # another question

    with statements(services) as sent:
        answer = get()

    assert (answer.status_code, answer.json["loading"]) == (200, [True])
    assert len(sent) == 1
    assert {job.id for job in jobs_of(services)} >= {answer.json["job_id"]}


def test_the_job_is_the_one_that_the_long_way_begins(services, get, member, crash):
    get()
    [quick] = jobs_of(services)
    with services.db.write() as session:
        session.execute(text("DELETE FROM job_askers"))
        session.execute(text("DELETE FROM jobs"))
    ask(services, member.user_id, "occurrences", crash.identifier, {})
    [long] = jobs_of(services)

    columns = set(NEW) - {"id", "request_id"}
    assert {name: getattr(quick, name) for name in columns} == {name: getattr(long, name) for name in columns}
    assert (quick.queue, quick.progress_total, quick.state) == (SHORT, 3, JobState.QUEUED)


def test_the_asker_is_recorded(services, get, member):
    job_id = get().json["job_id"]

    with services.db.read() as session:
        asker = session.get_one(JobAsker, (job_id, member.user_id))
        assert (asker.asked_at, asker.seen_at) == (NOON, NOON)


def test_a_crash_with_many_occurrences_is_a_long_job(services, get, crash):
    with services.db.write() as session:
        session.get_one(Crash, crash.id).occurrences_count = LONG_FROM + 1

    get()

    assert [job.queue for job in jobs_of(services)] == [LONG]


def test_another_member_joins_the_job_and_a_stranger_does_not_learn_of_it(services, get, member):
    colleague, stranger = (
        join(services, "bob@example.com", member.app),
        make_member(services, "eve@example.com", "Maps"),
    )

    first, joined, refused = get(), get(colleague), get(stranger)

    assert first.json["job_id"] == joined.json["job_id"]
    assert (refused.status_code, refused.json["error_message"]) == (404, "You have no access to this app crash")
    assert len(jobs_of(services)) == 1


def test_a_user_who_waits_for_as_many_jobs_as_allowed_is_refused(services, client_of, member, crash):
    bounded = replace(services, config=replace(services.config, live_jobs_per_user=1))
    client, path = client_of(bounded), f"/api/crashes/{crash.identifier}/occurrences"

    answers = [client.get(path, query_string={"per_page": n}, headers=member.headers) for n in ("1", "2", "1")]

    assert [answer.status_code for answer in answers] == [200, 429, 200]
    assert len(jobs_of(services)) == 1


def test_a_finished_result_is_found_by_the_same_statement(services, get):
    get()
    run_enqueued(services)

    with statements(services) as sent:
        answer = get()

    assert answer.json["loading"] == [False]
    assert len(sent) == 1


def test_a_database_that_only_reads_still_answers_with_what_is_finished(services, client_of, member, crash, get):
    get()
    run_enqueued(services)
    path = f"/api/crashes/{crash.identifier}/occurrences"
    with services.db.write() as session:
        name = session.scalar(text("SELECT current_database()"))
        session.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    services.db._drivers.close()
    services.db.engine.dispose()

    finished = get()
    fresh = client_of(services).get(path, query_string={"per_page": "1"}, headers=member.headers)

    assert (finished.status_code, finished.json["loading"]) == (200, [False])
    assert (fresh.status_code, "Retry-After" in fresh.headers) == (503, True)


def test_what_these_job_types_count_is_what_the_statement_takes_for_it():
    at_once = {name for name, one in JOB_TYPES.items() if one.counts_occurrences}

    assert at_once == {"crash_statistics", "occurrences"}
