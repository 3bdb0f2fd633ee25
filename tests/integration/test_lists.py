"""Lists of jobs and logs on both databases, and on PostgreSQL by which index they are read."""

from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import insert, text

from app.db.models.job import Job, JobAsker, JobState, new_job_id
from app.db.models.log import Log, LogStatus
from app.db.queries.lists import jobs_of, logs_of
from tests.factories import NOON

MANY = 20_000  # rows, of which a page is few
FEW_PAGES = 400

postgresql_only = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def add_logs(services, app_id: int, names, status=LogStatus.DIGESTED) -> None:
    rows = [
        {"app_id": app_id, "log_id": name, "sha256": "0" * 64, "size": 1, "storage_key": f"logs/none/{name}", "attempt": 1,
         "received_at": NOON - timedelta(seconds=number), "status": status, "enqueue_after": NOON, "failures": 0, "enqueued": 0}
        for number, name in enumerate(names)
    ]  # fmt: skip
    with services.db.write() as session:
        session.execute(insert(Log), rows)


def test_every_name_is_found_by_each_of_its_beginnings_in_any_collation(services, member):
    signs = "aAzZ09._-"
    random = Random(1)
    names = {"a" + "".join(random.choices(signs, k=random.randint(0, 5))) for _ in range(300)}
    add_logs(services, member.app.id, names)

    with services.db.read() as session:
        for name in sorted(names):
            for end in range(1, len(name) + 1):
                found = [log.log_id for log in logs_of(session, member.app.id, 1_000, prefix=name[:end])]
                assert set(found) == {one for one in names if one.startswith(name[:end])}


def test_pages_of_names_are_the_whole_list(services, member):
    names = [f"a{sign}{number}" for sign in ".-_bB" for number in range(4)]
    add_logs(services, member.app.id, names)

    seen, after = [], None
    with services.db.read() as session:
        while page := logs_of(session, member.app.id, 3, prefix="a", after=after):
            seen += [log.log_id for log in page]
            after = (page[-1].received_at, page[-1].log_id)

    assert (len(seen), set(seen)) == (len(names), set(names))


def pages_read(session, statement) -> int:
    """Buffers that PostgreSQL touches for what `statement` sends."""
    compiled = str(statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
    plan = "\n".join(row[0] for row in session.execute(text(f"EXPLAIN (ANALYZE, BUFFERS) {compiled}")))
    first = next(line for line in plan.splitlines() if "Buffers:" in line)
    return sum(int(part.partition("=")[2]) for part in first.split() if part.startswith(("hit=", "read=")))


class Noted:
    """A session that notes the statement and sends nothing."""

    def execute(self, statement):
        self.statement = statement
        return []


@postgresql_only
@pytest.mark.parametrize(
    "asked",
    [{}, {"status": LogStatus.REJECTED}, {"prefix": "log-1234"}, {"prefix": "log-", "after": (NOON, "log-15000")},
     {"after": (NOON - timedelta(seconds=15_000), "log-15000")}],
)  # fmt: skip
def test_a_page_of_logs_reads_few_pages_of_many(services, member, asked):
    add_logs(services, member.app.id, [f"log-{number:05d}" for number in range(MANY)])
    add_logs(services, member.app.id, ["bad-1", "bad-2"], LogStatus.REJECTED)
    with services.db.write() as session:
        session.execute(text("ANALYZE logs"))
        noted = Noted()
        logs_of(noted, member.app.id, 50, **asked)

        assert pages_read(session, noted.statement) < FEW_PAGES


@postgresql_only
@pytest.mark.parametrize(
    "asked",
    [{}, {"states": [JobState.FAILED]}, {"states": [JobState.CANCELLED]}, {"states": [JobState.QUEUED, JobState.RUNNING]},
     {"after": (NOON - timedelta(seconds=15_000), "0" * 24)}],
)  # fmt: skip
def test_a_page_of_jobs_reads_few_pages_of_many(services, member, asked):
    ids = [new_job_id() for _ in range(MANY)]
    states = {0: JobState.FAILED, 1: JobState.CANCELLED, 2: JobState.QUEUED}
    with services.db.write() as session:
        session.execute(insert(Job), [
            {"id": job_id, "kind": "occurrences", "key": job_id, "params": "{}", "app_id": member.app.id, "crash_id": None,
             "state": states.get(number, JobState.EXPIRED), "created_at": NOON, "queue": "short", "attempt": 1, "failures": 0,
             "enqueue_after": NOON, "enqueued": 0, "progress_done": 0, "progress_total": 0}
            for number, job_id in enumerate(ids)
        ])  # fmt: skip
        session.execute(insert(JobAsker), [
            {"job_id": job_id, "user_id": member.user_id, "asked_at": NOON - timedelta(seconds=number), "seen_at": NOON}
            for number, job_id in enumerate(ids)
        ])  # fmt: skip
        session.execute(text("ANALYZE jobs, job_askers"))
        noted = Noted()
        jobs_of(noted, member.user_id, 50, **asked)

        assert pages_read(session, noted.statement) < FEW_PAGES
