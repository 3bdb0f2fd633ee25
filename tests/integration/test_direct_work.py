"""What a worker does by itself while Redis takes no task messages (both databases)."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db.models.heartbeat import WORKER, last_seen
from app.db.models.job import Job, JobState
from app.db.models.log import Log, LogStatus
from app.ingest.receive import receive
from app.jobs.service import ask
from app.privacy.erasing import begin_erasure, show_erasure
from app.queueing.broker import PUSH, NoBroker
from tests.factories import kscrash, make_crash
from tests.system.conftest import until
from workers.broker_watch import BrokerWatch, DirectWork
from workers.schedule import schedule


@pytest.fixture
def away(services):
    """Services whose broker takes nothing."""
    return replace(services, broker=NoBroker())


@pytest.fixture
def work(away):
    entries = {name: entry for name, entry in schedule(away.config).items() if entry["task"] != PUSH}
    made = DirectWork(away, entries)
    yield made
    assert made.stop(20)


def done(work: DirectWork) -> None:
    work.look()
    until(work.is_idle, "the work to be done", 30)


def states(services, column) -> set:
    with services.db.read() as session:
        return set(session.scalars(select(column)))


def test_logs_jobs_and_erasures_are_done_and_each_once(away, work, member):
    crash = make_crash(away, member.app, 3)
    for number in range(30):
        receive(away, member.app, f"log-{number}", kscrash(frame=f"-[Direct{number % 3} go]"))
    jobs = [ask(away, member.user_id, "occurrences", crash.identifier, {"page": str(page)}).id for page in (1, 2)]
    erasure = begin_erasure(away, member.app, "somebody")

    done(work)

    with away.db.read() as session:
        logs = list(session.scalars(select(Log).where(Log.log_id.startswith("log-"))))
        made = list(session.scalars(select(Job).where(Job.id.in_(jobs))))
    assert {(log.status, log.attempt) for log in logs} == {(LogStatus.DIGESTED, 1)}
    assert {(job.state, job.attempt) for job in made} == {(JobState.FINISHED, 1)}
    assert show_erasure(away, member.app, erasure.id).attempt == 1


def test_a_row_for_which_messages_were_sent_in_vain_does_not_wait_for_the_next_one(away, work, member):
    receive(away, member.app, "log-1", kscrash())
    with away.db.write() as session:
        [log] = session.scalars(select(Log))
        log.enqueue_after = away.now() + timedelta(minutes=1)

    done(work)

    assert states(away, Log.status) == {LogStatus.DIGESTED}


def test_what_beat_sends_is_done_as_often_as_beat_would_send_it(away, work, clock):
    done(work)
    with away.db.read() as session:
        first = last_seen(session, WORKER)
    clock.advance(seconds=1)

    done(work)

    with away.db.read() as session:
        assert first == last_seen(session, WORKER) == clock() - timedelta(seconds=1)


class Switch:
    """A broker that takes messages or does not."""

    def __init__(self) -> None:
        self.works = True

    def check(self) -> bool:
        return self.works


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def waiting(away, member) -> None:
    receive(away, member.app, "log-1", kscrash())


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize(("works", "leads"), [(True, True), (False, False)], ids=["broker works", "another leads"])
def test_nothing_is_done_while_the_broker_works_or_another_process_leads(away, work, switch, works, leads):
    switch.works = works

    BrokerWatch(switch, lambda: leads, work).look()

    assert work.is_idle()
    assert states(away, Log.status) == {LogStatus.RECEIVED}


def told_of(lines) -> list[str]:
    """Events of direct work, in their order."""
    events = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    return [event for event in events if event.startswith("direct")]


@pytest.mark.usefixtures("waiting")
def test_the_leader_works_until_shortly_after_the_broker_is_back(away, work, switch, lines, monkeypatch):
    watch = BrokerWatch(switch, lambda: True, work)
    switch.works = False
    for _ in range(3):
        watch.look()
    until(work.is_idle, "the work to be done", 30)
    assert states(away, Log.status) == {LogStatus.DIGESTED}
    switch.works = True
    watch.look()
    assert told_of(lines) == ["direct_work_begins"]
    monkeypatch.setattr(watch, "_works_until", float("-inf"))

    watch.look()

    assert told_of(lines) == ["direct_work_begins", "direct_work_ends"]
    until(work.is_idle, "the work to be done", 30)


@pytest.mark.usefixtures("waiting")
def test_a_leader_that_another_one_relieves_says_that_it_has_ended(work, switch, lines):
    leads = True
    watch = BrokerWatch(switch, lambda: leads, work)
    switch.works = False
    watch.look()
    leads = False

    for _ in range(2):
        watch.look()

    assert told_of(lines) == ["direct_work_begins", "direct_work_ends"]
    until(work.is_idle, "the work to be done", 30)
