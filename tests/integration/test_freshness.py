"""The rule of freshness stands in Python and, where a job is inserted, in SQL: these hold the two together."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import delete

from app.db.models.job import LIVE_STATES, Job, JobAsker, JobState, latest_job, new_job_id
from app.identity.accounts import token_hash
from app.jobs.access import SUBJECTS
from app.jobs.answering import JobFailed, still_answers
from app.jobs.service import ask, ask_at_once, find_or_insert, insert, read_request
from app.queueing.broker import SHORT
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


@pytest.fixture
def about(services, member, crash):
    with services.db.read() as session:
        return SUBJECTS["crash_identifier"](session, member.user_id, crash.identifier)


@pytest.fixture
def place(services, member, crash, request_):
    """Let the request have had these jobs and no other: (state, age in seconds, seconds left, revision), the oldest first."""

    def make(*jobs: tuple[JobState, int, int, int]) -> list[Job]:
        made = []
        for number, (state, age, left, revision) in enumerate(jobs):
            job = Job(
                id=new_job_id(), kind=LIST, key=request_.key, params="{}", app_id=crash.app_id, crash_id=crash.id,
                state=state, queue=SHORT, created_at=NOON - timedelta(minutes=5 - number), attempt=1, failures=0, enqueued=0,
                progress_done=3, progress_total=3, data_revision=revision, generation=number + 1,
                enqueue_after=NOON, error_status=500, error_code="broken", error_message="broken on purpose",
            )  # fmt: skip
            if state not in LIVE_STATES:
                job.finished_at, job.expires_at = NOON - timedelta(seconds=age), NOON + timedelta(seconds=left)
            if state == JobState.FINISHED:
                job.result_text, job.result_size, job.result_sha256 = "[]", 2, "0" * 64
            made.append(job)
        with services.db.write() as session:
            session.execute(delete(JobAsker))
            session.execute(delete(Job))
            session.add_all(made)
            session.flush()
            session.add_all(
                JobAsker(job_id=job.id, user_id=member.user_id, asked_at=NOON, seen_at=NOON) for job in made
            )
            session.flush()
            session.expunge_all()
        return made

    return make


@pytest.fixture(params=list(JobState), ids=lambda state: state.value)
def cases(request, place, crash) -> Iterator[Job]:
    """The only job of the request: one after another, in one state; its crash is as the job read it, or is not."""
    revisions = (crash.revision, crash.revision - 1)
    return (place((request.param, *case))[0] for case in product(AGES, LEFT, revisions))


def told(*jobs: Job) -> str:
    """The case, for the message of a failed assertion."""
    return "; ".join(
        f"{job.state.value}, ended {job.finished_at}, expires {job.expires_at}, of revision {job.data_revision}"
        for job in jobs
    )


def test_a_job_is_inserted_exactly_if_none_still_answers(services, member, about, request_, cases):
    wrong = []

    for job in cases:
        refused = insert(services, member.user_id, request_, about) is None
        if refused != still_answers(job, NOON, about.revision):
            wrong.append(told(job))

    assert wrong == []


@pytest.mark.parametrize("is_clock_behind", [False, True])
def test_of_several_jobs_the_one_that_the_poll_finds_decides(
    services, member, about, request_, place, crash, is_clock_behind
):
    ended = [*product(set(JobState) - set(LIVE_STATES), (29, 61), (86_400,), (crash.revision, crash.revision - 1))]
    live = [(state, 0, 0, crash.revision) for state in LIVE_STATES]
    wrong = []

    for jobs in (*product(ended, ended), *product(ended, live), *product(live, ended)):
        placed = place(*jobs)
        if is_clock_behind:  # that of the process that began the newer one: the older one counts as the newest
            with services.db.write() as session:
                session.get_one(Job, placed[1].id).created_at = NOON - timedelta(minutes=6)
                session.flush()
        with services.db.read() as session:
            polled = latest_job(session, request_.key, member.user_id)
        assert polled
        refused = insert(services, member.user_id, request_, about) is None
        if refused != still_answers(polled[0], NOON, about.revision):
            wrong.append(told(*placed))

    assert wrong == []


def test_the_statement_that_looks_and_inserts_leaves_requests_with_jobs_alone(services, member, crash, request_, cases):
    """It sees a job of the same key under its crash; this one lies under another, as after a regrouping."""
    other = make_crash(services, member.app, occurrences=0, newest=NOON)
    wrong = []

    for job in cases:
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
            wrong.append(f"inserted beside one that it saw: {told(job)}")
        if unseen.job is not None:
            wrong.append(f"inserted beside one that it did not see: {told(job)}")

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

    for job in cases:
        expected = "failed" if job.state == JobState.FAILED else job.id
        if (answered() == expected) != still_answers(job, NOON, crash.revision):
            wrong.append(told(job))

    assert wrong == []
