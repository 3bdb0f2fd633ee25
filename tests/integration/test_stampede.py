"""Equal requests at the same time are one job, also when it has ended before the last of them is answered."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import select

from app.db.models.job import Job, JobState
from app.errors import AppError, MalformedLog
from app.identity.accounts import token_hash
from app.jobs import service
from app.jobs.answering import JobFailed
from app.jobs.running import run
from app.jobs.service import ask, ask_at_once
from app.jobs.user_jobs import cancel
from app.services import Services
from app.sweep import sweep
from tests.factories import make_crash
from tests.job_types import NAME, write

AWAITED = 60.0  # seconds, on a busy machine
HOLD, PAUSED = 1, 2  # advisory locks
PAUSE = f"""
CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_try_advisory_xact_lock({PAUSED}) THEN  -- the first to come; others that insert meanwhile do not wait
        PERFORM pg_advisory_xact_lock({HOLD});
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pause BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION pause()
"""
"""Pauses a statement that inserts a job: its snapshot is taken, the indexes of the jobs are not yet looked at."""


def refuse(_run: object) -> None:
    raise MalformedLog


@pytest.fixture(params=["finished", "failed"])
def end(request, services, job_type) -> Callable[[str], None]:
    """Brings a queued job to its end."""
    job_type.act = write if request.param == "finished" else refuse
    return lambda job_id: run(services, job_id)


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app)


@pytest.fixture(params=["plain", "shortcut"])
def answer(request, services, member, crash, job_type) -> Callable[[], str]:
    """Makes the request, by the plain way or its shortcut; returns the job's id, or the code of what became of the job."""

    def made() -> str:
        try:
            if request.param == "shortcut":
                found = ask_at_once(services, token_hash(member.token), NAME, crash.identifier, {}, may_be_new=True)
                if found is not None:
                    return found[1].id
            return ask(services, member.user_id, NAME, crash.identifier, {}).id
        except AppError as error:
            return error.code

    return made


def jobs_of(services: Services) -> list[Job]:
    with services.db.read() as session:
        return list(session.scalars(select(Job).order_by(Job.created_at, Job.id)))


def test_a_job_that_begins_and_ends_between_look_and_insertion_answers(
    services, member, crash, end, answer, monkeypatch
):
    real, first = service.start_job, []

    def after_another(*given: object) -> bool:
        if not first:
            monkeypatch.setattr(service, "start_job", real)
            first.append(ask(services, member.user_id, NAME, crash.identifier, {}).id)
            end(first[0])
        return real(*given)

    monkeypatch.setattr(service, "start_job", after_another)
    monkeypatch.setattr("app.jobs.service.find_or_insert", lambda *_, **__: None)  # as on SQLite
    got = answer()

    [job] = jobs_of(services)
    assert first == [job.id]
    assert got == (job.id if job.state == JobState.FINISHED else MalformedLog.code)


class TestWithAnOlderSnapshot:
    """A statement that begins a job sees the database as it was before another one began and ended that job (PostgreSQL)."""

    @pytest.fixture
    def database_url(self, postgres_database) -> str:
        return postgres_database

    @pytest.fixture
    def pool(self) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(2) as pool:
            yield pool

    @pytest.fixture
    def holder(self, database_url, pool) -> Iterator[psycopg.Connection]:  # noqa: ARG002  the pool ends after it
        with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
            yield connection

    @pytest.fixture
    def paused(self, holder, pool) -> Callable[[Callable[[], str]], Future[str]]:
        """Begins to make a request, and pauses between its snapshot and its insertion until `go_on`."""

        def begin(make: Callable[[], str]) -> Future[str]:
            holder.execute(PAUSE)
            holder.execute("SELECT pg_advisory_lock(%s)", [HOLD])
            request = pool.submit(make)
            wait_until(lambda: request.done() or waiting(holder) == 1)
            assert not request.done()
            return request

        return begin

    @pytest.fixture
    def go_on(self, holder) -> Callable[[], None]:
        return lambda: holder.execute("SELECT pg_advisory_unlock(%s)", [HOLD])

    @pytest.fixture
    def begin(self, services, member, crash) -> Callable[[], str]:
        """Makes the same request by the plain way; returns the id of the job."""
        return lambda: ask(services, member.user_id, NAME, crash.identifier, {}).id

    def test_one_that_has_ended_since_is_the_answer(self, services, begin, end, answer, paused, go_on):
        request = paused(answer)
        first = begin()
        end(first)
        go_on()

        got = request.result(AWAITED)

        [job] = jobs_of(services)
        assert job.id == first
        assert got == (first if job.state == JobState.FINISHED else MalformedLog.code)

    def test_one_that_was_cancelled_since_is_not(self, services, member, begin, answer, paused, go_on):
        request = paused(answer)
        first = begin()
        cancel(services, member.user_id, first)
        go_on()

        got = request.result(AWAITED)

        assert got != first
        assert {job.id: job.state for job in jobs_of(services)} == {first: JobState.CANCELLED, got: JobState.QUEUED}

    def test_an_older_one_that_answers_no_more_changes_nothing(self, services, begin, end, clock, paused, go_on):
        old = begin()
        end(old)
        clock.advance(days=365)

        request = paused(lambda: begin_or_fail(begin))
        first = begin()
        end(first)
        go_on()

        assert request.result(AWAITED) in (first, MalformedLog.code)
        assert {job.id for job in jobs_of(services)} == {old, first}

    def test_nor_does_one_that_is_deleted_meanwhile(
        self, services, begin, job_type, clock, pool, holder, paused, go_on
    ):
        job_type.act = refuse
        run(services, begin())
        job_type.act = write
        clock.advance(days=365)

        request = paused(begin)
        deletion = pool.submit(sweep, services)
        wait_until(lambda: deletion.done() or waiting(holder) == 2)
        first = begin()
        run(services, first)
        go_on()

        assert request.result(AWAITED) == first
        deletion.result(AWAITED)
        assert [job.id for job in jobs_of(services)] == [first]


def begin_or_fail(begin: Callable[[], str]) -> str:
    try:
        return begin()
    except JobFailed as error:
        return error.code


def waiting(connection: psycopg.Connection) -> int:
    """How many transactions of this database wait for a lock."""
    statement = (
        """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    )
    [number] = connection.execute(statement).fetchone() or (0,)
    return int(number)


def wait_until(is_so: Callable[[], object], every: float = 0.01) -> None:
    deadline = time.monotonic() + AWAITED
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(every)


ROUNDS, AT_ONCE = 15, 6


def test_many_at_once_make_one_job_however_soon_it_ends(services, member, crash, end):
    """A worker ends each job as soon as it is there, while the others are still about to ask."""
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        for number in range(ROUNDS):
            begin, asked = threading.Barrier(AT_ONCE), threading.Event()

            def make(query: dict[str, str], begin: threading.Barrier = begin) -> str:
                begin.wait()
                hashed = token_hash(member.token)
                try:
                    found = ask_at_once(services, hashed, NAME, crash.identifier, query, may_be_new=True)
                    return found[1].id if found else ask(services, member.user_id, NAME, crash.identifier, query).id
                except JobFailed as error:
                    return error.code

            def work(asked: threading.Event = asked) -> None:
                while not asked.is_set() or services.broker.messages:
                    wait_until(lambda: asked.is_set() or services.broker.messages, every=0.001)
                    while services.broker.messages:
                        end(services.broker.messages.pop(0)[1])

            worker = pool.submit(work)
            requests = [pool.submit(make, {"about": str(number)}) for _ in range(AT_ONCE)]
            try:
                answers = {request.result(AWAITED) for request in requests}
            finally:
                asked.set()
            worker.result(AWAITED)

            jobs = jobs_of(services)
            assert len(jobs) == number + 1
            assert answers <= {job.id for job in jobs} | {MalformedLog.code}
    assert {job.attempt for job in jobs} == {1}
