"""The rule of freshness stands in Python and, where a job is inserted, in SQL: these hold the two together."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import delete

from app.accounts import token_hash
from app.broker import SHORT
from app.db.job import LIVE_STATES, Job, JobAsker, JobState, new_job_id
from app.jobs.freshness import still_answers
from app.jobs.outcomes import JobFailed
from app.jobs.request import read_request
from app.jobs.service import ask, ask_at_once
from app.jobs.starting import find_or_insert, insert
from app.jobs.subjects import SUBJECTS
from tests.factories import NOON, make_crash

LIST = "occurrences"
AGES = (0, 29, 30, 31, 59, 60, 61)  # seconds since the job ended
LEFT = (-1, 0, 1, 300, 301, 86_400)  # seconds until its result expires


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app, occurrences=3)


@pytest.fixture
def request_(crash):
    return read_request(LIST, crash.identifier, {})


@pytest.fixture(params=list(JobState), ids=lambda state: state.value)
def cases(request, services, member, crash, request_) -> Iterator[tuple[Job, bool]]:
    """(the only job of the request, whether the crash is as it was read): one after another, in one state."""
    state: JobState = request.param

    def each() -> Iterator[tuple[Job, bool]]:
        for age, left, is_current in product(AGES, LEFT, (True, False)):
            job = Job(
                id=new_job_id(), kind=LIST, key=request_.key, params="{}", app_id=crash.app_id, crash_id=crash.id,
                state=state, queue=SHORT, created_at=NOON - timedelta(minutes=5), attempt=1, failures=0, enqueued=0,
                progress_done=3, progress_total=3, data_revision=crash.revision if is_current else crash.revision - 1,
                enqueue_after=NOON, error_status=500, error_code="broken", error_message="broken on purpose",
            )  # fmt: skip
            if state not in LIVE_STATES:
                job.finished_at, job.expires_at = NOON - timedelta(seconds=age), NOON + timedelta(seconds=left)
            if state == JobState.FINISHED:
                job.result_text, job.result_size, job.result_sha256 = "[]", 2, "0" * 64
            with services.db.write() as session:
                session.execute(delete(JobAsker))
                session.execute(delete(Job))
                session.add(job)
                session.flush()
                session.add(JobAsker(job_id=job.id, user_id=member.user_id, asked_at=NOON, seen_at=NOON))
                session.flush()
                session.expunge_all()
            yield job, is_current

    return each()


def told(job: Job, is_current: bool) -> str:
    """The case, for whoever reads a failure."""
    return f"{job.state.value}, ended {job.finished_at}, expires {job.expires_at}, {is_current=}"


def has_to_refuse(job: Job) -> bool:
    """What SQL knows of the rule: a live job, and a result that answers although newer rows exist."""
    return job.state != JobState.FAILED and still_answers(job, NOON, is_current=False)


def test_no_job_is_inserted_beside_one_that_answers_although_newer_rows_exist(services, member, crash, request_, cases):
    with services.db.read() as session:
        about = SUBJECTS["crash_identifier"](session, member.user_id, crash.identifier)
    wrong = []

    for job, is_current in cases:
        refused = insert(services, member.user_id, request_, about) is None
        if refused != has_to_refuse(job):
            wrong.append(told(job, is_current))
        if refused and not still_answers(job, NOON, is_current=is_current):
            wrong.append(f"nobody answers: {told(job, is_current)}")

    assert wrong == []


def test_nor_by_the_statement_that_looks_and_inserts(services, member, crash, request_, cases):
    """It sees a job of the same key under its crash; this one lies under another, as after a regrouping."""
    other = make_crash(services, member.app, occurrences=0, newest=NOON)
    wrong = []

    for job, is_current in cases:
        seen = find_or_insert(services, token_hash(member.token), crash.identifier, request_)
        if not services.db.is_postgresql:  # SQLite looks and inserts by two statements
            assert seen is None
            continue
        with services.db.write() as session:
            session.get_one(Job, job.id).crash_id = other.id
            session.flush()
        unseen = find_or_insert(services, token_hash(member.token), crash.identifier, request_)
        assert seen is not None
        assert unseen is not None
        if seen.job is None or seen.job.id != job.id:
            wrong.append(f"inserted beside one that it saw: {told(job, is_current)}")
        if (unseen.job is None) != has_to_refuse(job):
            wrong.append(told(job, is_current))

    assert wrong == []


@pytest.mark.parametrize("way", ["plain", "shortcut"])
def test_the_plain_way_and_its_shortcut_answer_by_the_rule(services, member, crash, cases, way):
    def answered() -> str | None:
        if way == "shortcut":
            found = ask_at_once(services, token_hash(member.token), LIST, crash.identifier, {}, may_be_new=True)
            if found is not None:
                return found[1].id
        try:
            return ask(services, member.user_id, LIST, crash.identifier, {}).id
        except JobFailed:
            return "failed"

    wrong = []

    for job, is_current in cases:
        expected = "failed" if job.state == JobState.FAILED else job.id
        if (answered() == expected) != still_answers(job, NOON, is_current=is_current):
            wrong.append(told(job, is_current))

    assert wrong == []
