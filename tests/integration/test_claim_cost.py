"""What the claim of a short job costs, counted: rows read, and no wait for the disk (PostgreSQL)."""

from datetime import timedelta

import pytest
from psycopg import RawCursor

from app.db.driver_pool import DriverConnection, Prepared
from app.db.hot.job_claim import CLAIM_JOB, CLAIMED, claim_next, finish_job
from app.db.hot.poll import start_job
from app.db.models.crash import Crash
from app.db.models.job import Job, JobState
from app.jobs.answering import freshness_at
from app.jobs.service import LONG_FROM, ask
from app.queueing.broker import LONG, SHORT
from tests.explain import VALUES
from tests.factories import make_crash, make_member
from tests.job_types import NAME

LINE = 60  # jobs that wait for one tenant


@pytest.fixture
def database_url(postgres_database) -> str:
    return postgres_database


@pytest.fixture
def waiting(services, member, job_type):
    """A long line of one tenant, a short one of another."""
    other = make_member(services, "grace@example.com", "Maps")
    for who, number in ((member, LINE), (other, 1)):
        crash = make_crash(services, who.app)
        for about in range(number):
            ask(services, who.user_id, NAME, crash.identifier, {"about": str(about)})


def begin(services, queue: str = SHORT) -> Job:
    now = services.now()
    lease = now + timedelta(seconds=30)
    job = claim_next(services.db, "0" * 24, queue, now, worker="w", lease_expires_at=lease, bounded=LONG, at_once=1)
    assert job is not None
    return job


@pytest.fixture
def forced(services, monkeypatch):
    """Whether each statement that wrote has waited for the disk."""
    noted: list[bool] = []

    def first(driver: DriverConnection, statement: Prepared, **values):
        compiled = statement.compiled(services.db.engine.dialect)
        driver.connection.execute("SET synchronous_commit = on")  # the tests' server does without
        driver.connection.execute("BEGIN")
        row = RawCursor(driver.connection).execute(compiled.query, compiled.written(values)).fetchone()
        noted.append(driver.connection.execute("SHOW synchronous_commit").fetchone()[0] == "on")
        driver.connection.execute("COMMIT")
        assert driver.connection.execute("SHOW synchronous_commit").fetchone()[0] == "on"
        return row and compiled.read(row)

    monkeypatch.setattr(DriverConnection, "first", first)
    return noted


def test_of_a_tenant_that_waits_one_job_is_looked_at_however_long_its_line(services, waiting):
    now = services.now()
    with services.db.driver() as driver:
        values = {**VALUES["claim_job"], "now": now, "lease_expires_at": now}
        for setting in ("enable_seqscan = off", "enable_bitmapscan = off"):  # as they are with many rows
            driver.connection.execute(f"SET {setting}")
        explained = (
            RawCursor(driver.connection)
            .execute("EXPLAIN (ANALYZE, FORMAT JSON) " + CLAIM_JOB.sql, CLAIM_JOB.written(values))
            .fetchone()[0]
        )
        read = rows_read(explained[0]["Plan"])

    assert 0 < read <= 8  # two tenants, one job of one of them, and the row that is updated


def rows_read(plan: dict) -> int:
    """Rows that scans of the jobs have returned or thrown away."""
    own = 0
    if plan.get("Relation Name") == "jobs" and "Scan" in plan["Node Type"]:
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return own + sum(rows_read(inner) for inner in plan.get("Plans", []))


def scans_of(plan: dict, table: str) -> int:
    """How often a table was scanned."""
    own = plan["Actual Loops"] if plan.get("Relation Name") == table and "Scan" in plan["Node Type"] else 0
    return own + sum(scans_of(inner, table) for inner in plan.get("Plans", []))


def test_the_waiting_of_users_is_not_looked_up_while_few_jobs_are_live(services, member, waiting, monkeypatch):
    plans = []

    def explained(driver: DriverConnection, statement: Prepared, **values):
        compiled = statement.compiled(services.db.engine.dialect)
        [[plan]] = (
            RawCursor(driver.connection)
            .execute("EXPLAIN (ANALYZE, FORMAT JSON) " + compiled.sql, compiled.written(values))
            .fetchone()
        )
        plans.append(plan["Plan"])

    monkeypatch.setattr(DriverConnection, "first", explained)
    job = Job(id="f" * 24, kind=NAME, key="k", params="{}", app_id=member.app.id, crash_id=None, state=JobState.QUEUED,
              created_at=services.now(), queue=SHORT, attempt=0, failures=0, enqueue_after=services.now(), enqueued=0,
              progress_done=0, progress_total=1)  # fmt: skip
    freshness = freshness_at(services.now(), 0)

    for most in (1_000, LINE):
        start_job(services.db, job, member.user_id, most, freshness)

    assert [scans_of(plan, "job_askers") > 0 for plan in plans] == [False, True]


def test_the_claim_of_a_short_job_does_not_wait_for_the_disk(services, waiting, forced):
    begin(services)

    assert forced == [False]


def test_the_claim_of_a_long_job_waits_for_the_disk(services, member, forced):
    crash = make_crash(services, member.app)
    with services.db.write() as session:
        session.get_one(Crash, crash.id).occurrences_count = LONG_FROM + 1
    ask(services, member.user_id, "occurrences", crash.identifier, {})
    forced.clear()

    begin(services, LONG)

    assert forced == [True]


@pytest.mark.parametrize(("text", "key", "waits"), [("[]", None, False), (None, "jobs/1/1/list.json", True)])
def test_the_end_of_a_job_waits_for_the_disk_if_its_result_lies_elsewhere(services, waiting, forced, text, key, waits):
    job, now = begin(services), services.now()
    result = {"result_text": text, "result_key": key, "result_size": 2, "result_sha256": "0" * 64}
    named = {"result_filename": "list.json", "result_media_type": "application/json"}
    times = {"finished_at": now, "expires_at": now, "progress_done": 1, "progress_total": 1, "data_revision": 1}

    finish = finish_job(services.db, job.id, job.attempt, job.holder, **times, **result, **named)

    assert finish == (2, 0)
    assert forced == [False, waits]


def test_a_claimed_row_has_what_an_attempt_is_made_from(services, waiting):
    job = begin(services)

    with services.db.read() as session:
        row = session.get_one(Job, job.id)
    assert [getattr(job, name) for name in CLAIMED] == [getattr(row, name) for name in CLAIMED]
    assert row.holder == "w"
