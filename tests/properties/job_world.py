"""Drives the job service and its model side by side, also in the middle of attempts and between transactions."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import delete, update

from app.db.models.fair_share import FairShare
from app.db.models.job import Job as Row
from app.db.models.job import JobAsker, JobState
from app.db.models.token import Token
from app.errors import AppError
from app.identity.accounts import token_hash
from app.jobs import running, service
from app.jobs.user_jobs import cancel
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.storage import open_storage
from app.sweep import sweep
from app.work.ending import hand_back
from tests.factories import Clock, add_newer, join, make_crash, make_member
from tests.job_types import NAME, FakeJobType, as_job_type
from tests.properties.faulty import FaultyDatabase
from tests.properties.job_attempts import WORKERS, Attempts, Step
from tests.properties.job_model import LOADING, Answer, Job, Model

T = TypeVar("T")


@dataclass
class WorldJobType(FakeJobType):
    """A job type whose attempts do what the world plans; fresh as long as its crash does not change."""

    def expect(self, _session: object, _crash: Any, params: Any) -> int:
        return 50_000 if params.about == "long" else 3

    def current_revision(self, about: Any) -> int:
        return int(about.revision)


class World(Attempts):
    """Two apps with a crash each; ada and bob see the first app, carol the other."""

    def __init__(self, services: Services, clock: Clock, job_types: dict[str, Any]) -> None:
        assert isinstance(services.db, FaultyDatabase)
        self.db, self.clock, self.base, self.config = services.db, clock, services, services.config
        ada = make_member(services)
        self.users = [ada, join(services, "bob@example.com", ada.app), make_member(services, "carol@example.com")]
        self.crashes = [make_crash(services, ada.app), make_crash(services, self.users[2].app)]
        self.job_type = WorldJobType()
        job_types[NAME] = as_job_type(self.job_type)
        self.revisions = {0: 1, 1: 1}
        with services.db.write() as session:  # the years that pass here must not log anybody out
            session.execute(update(Token).values(expires_at=datetime.max.replace(tzinfo=UTC)))

    def reset(self) -> None:
        """Forget every job, for the next example."""
        self.db.before_write, self.db.fault = lambda: None, None
        with self.db.write() as session:
            for table in (JobAsker, Row, FairShare):
                session.execute(delete(table))
        self.broker = MemoryBroker()
        self.services = replace(self.base, storage=open_storage("memory://"), broker=self.broker)
        self.model = Model(self.config, self.clock, revisions=self.revisions)
        self.forget_attempts()
        self.armed: list[tuple[int, Step]] = []
        self.sweeps = 0  # under way
        self.ids: list[str] = []
        self.last: dict[str, tuple[str, int]] = {}  # job -> state and attempt when last looked at
        self.job_type.act = self.compute
        self.db.before_write = self._meanwhile

    def do_tick(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    def do_newer(self, crash: int) -> None:
        self._uninterrupted(lambda: add_newer(self.base, self.crashes[crash]))
        self.revisions[crash] += 1

    def do_enqueue_twice(self, index: int) -> None:
        if self.broker.messages:
            self.broker.messages.append(self.broker.messages[index % len(self.broker.messages)])

    def do_lose_message(self, index: int) -> None:
        if self.broker.messages:
            self.broker.messages.pop(index % len(self.broker.messages))

    def do_flush(self) -> None:
        self.broker.messages.clear()

    def do_meanwhile(self, writes: int, step: Step) -> None:
        """Do the step in the middle of something else: right before the n-th transaction that writes from now on."""
        self.armed.append((writes, step))

    def do_ask(self, user: int, crash: int, about: str) -> None:
        question = (crash, about)
        expected = self.model.answering(question) if self._sees(user, crash) else None
        got = self._uninterrupted(lambda: self._ask(user, crash, about))
        if not self._sees(user, crash):
            assert got == (None, 404)
        elif expected:
            assert got == (expected.id if isinstance(self.model.answer(expected), str | bytes) else None,
                           self.model.answer(expected))  # fmt: skip
            expected.askers.add(self.users[user].user_id)
        elif not self.model.has_room(self.users[user].user_id):
            assert got == (None, 429)
        else:
            assert got[1] == LOADING
            assert got[0]
            assert got[0] not in self.ids
            self.ids.append(got[0])
            created_at = self.clock.now + timedelta(microseconds=len(self.ids))  # of two jobs one is the newer
            with super(FaultyDatabase, self.db).write() as session:
                session.get_one(Row, got[0]).created_at = created_at
            self.model.jobs.append(Job(got[0], question, created_at, {self.users[user].user_id}))

    def do_join(self, user: int, index: int) -> None:
        """Ask what a job was asked for."""
        known = [job for job in self.model.jobs if job.id == self.ids[index % len(self.ids)]] if self.ids else []
        for job in known:
            self.do_ask(user, *job.question)

    def do_poll(self, user: int, index: int) -> None:
        if not self.ids:
            return
        job_id = self.ids[index % len(self.ids)]
        job = next((job for job in self.model.jobs if job.id == job_id), None)
        crash, about = job.question if job else (0, "")
        knows = job is not None and self.users[user].user_id in job.askers
        expected = self.model.answer(job) if job and knows else 404
        assert self._uninterrupted(lambda: self._ask(user, crash, about, job_id))[1] == expected

    def do_cancel(self, user: int, index: int) -> None:
        if not self.ids:
            return
        job_id, user_id = self.ids[index % len(self.ids)], self.users[user].user_id
        answer = 200
        try:
            cancel(self.services, user_id, job_id)
        except AppError as error:
            answer = error.status
        asked = [job for job in self.model.jobs if job.id == job_id and user_id in job.askers]
        assert answer == (200 if asked else 404)
        for job in asked:
            self.model.left(user_id, job)

    def do_sweep(self) -> None:
        self.sweeps += 1
        sweep(self.services)
        self.sweeps -= 1
        for job in list(self.model.jobs):
            self.model.swept(job)

    def do_hand_back(self, worker: int) -> None:
        hand_back(replace(self.services, worker=WORKERS[worker]), running.WORK)
        for job in self.model.held_by(WORKERS[worker]):
            self.model.queued_again(job)

    def _meanwhile(self) -> None:
        """Something else happens right before a transaction that writes."""
        due = [step for writes, step in self.armed if writes == 0]
        self.armed = [(writes - 1, step) for writes, step in self.armed if writes]
        if due and self.sweeps:
            self._follow_the_sweep()
        for step in due:
            self._uninterrupted(lambda step=step: self.do(step))

    def _follow_the_sweep(self) -> None:
        """What the sweep under way has done so far is done in the model as well."""
        with self.db.read() as session:
            for job in list(self.model.jobs):
                row = session.get(Row, job.id)
                if row is None or (row.state, row.attempt) != (job.state, job.attempt):
                    self.model.swept(job)

    def _uninterrupted(self, act: Callable[[], T]) -> T:
        armed, self.armed = self.armed, []
        try:
            return act()
        finally:
            self.armed = armed

    def _ask(self, user: int, crash: int, about: str, job_id: str = "") -> tuple[str | None, Answer]:
        """(the job's id, what its poller gets)."""
        query, member = {"about": about, "job_id": job_id}, self.users[user]
        identifier = self.crashes[crash].identifier
        try:
            quick = service.ask_at_once(
                self.services, token_hash(member.token), NAME, identifier, query, may_be_new=True
            )
        except AppError as error:
            with pytest.raises(type(error)):
                service.ask(self.services, member.user_id, NAME, identifier, query)
            return None, error.status
        try:
            row = service.ask(self.services, member.user_id, NAME, identifier, query)
        except AppError as error:
            assert quick is None, "the shortcut answers what the plain way refuses"
            return None, error.status
        assert quick is None or (quick[0], quick[1].id, quick[1].state) == (member.user_id, row.id, row.state)
        if row.is_live:
            return row.id, LOADING
        assert row.state == JobState.FINISHED
        assert row.result_key is not None
        return row.id, self.services.storage.get(row.result_key)

    def _sees(self, user: int, crash: int) -> bool:
        return (user == 2) is (crash == 1)
