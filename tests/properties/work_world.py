"""Drives leased work of one type and its model side by side, also in the middle of attempts and of sweeps."""

from dataclasses import replace

from sqlalchemy import delete, inspect, select

from app.background import TYPES
from app.db.models.data_exporter import DataExporter
from app.db.models.fair_share import FairShare
from app.db.models.job import Job
from app.db.models.membership import Membership
from app.db.models.session_batch import SessionBatch
from app.errors import TransientError
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.storage import open_storage
from app.sweep import sweep_work
from app.work.ending import hand_back, unwritten
from tests.factories import Clock, make_crash, make_member
from tests.properties.faulty import FaultyDatabase
from tests.properties.work_attempts import PROCESSES, SWEEPER, Attempts, Plan, Step
from tests.properties.work_model import DONE, GIVEN_UP, HANDED_BACK, PATIENCE, WAITING, WORKING, Model, Row
from tests.properties.work_types import TESTED, Home

MOST_ROWS = 3
UNTIL_THE_END = (31, 61, 91, 61, 3_601, 31, 61, 3_601)
"""Seconds between the rounds in which everything has to end: a lease, pauses, and the longest pause of a clock set back."""


class World(Attempts):
    """Some rows of one type, two worker processes and one that sweeps."""

    def __init__(self, services: Services, clock: Clock, name: str) -> None:
        assert isinstance(services.db, FaultyDatabase)
        patience = int(PATIENCE.total_seconds())
        self.base = replace(services, config=replace(services.config, job_patience=patience, long_jobs_at_once=99))
        self.db, self.clock, self.start = services.db, clock, clock.now
        self.work, self.tested = TYPES[name], TESTED[name]
        self.table = self.work.leasing.table
        self.key_columns = inspect(self.table).primary_key
        members = [make_member(services, f"{number}@example.com") for number in range(MOST_ROWS)]
        crash = make_crash(services, members[0].app, occurrences=0)
        with services.db.write() as session:  # one user has the exporters of all apps
            session.add_all(Membership(user_id=members[0].user_id, app_id=one.app.id) for one in members[1:])
        self.homes = [Home(members[0], crash.id, member.app.id) for member in members]

    def reset(self) -> None:
        """Forget every row, for the next example."""
        self.db.before_write, self.db.fault, self.db.restarted_at = lambda: None, None, None
        self.clock.now = self.start
        with self.db.write() as session:
            for table in (self.table, Job, DataExporter, FairShare, SessionBatch):  # the rest goes with these
                session.execute(delete(table))
        self.services = replace(self.base, storage=open_storage("memory://"), broker=MemoryBroker())
        self.model = Model(self.tested.promise, self.clock)
        self.is_sweeping = False
        unwritten.forget()
        self.forget_attempts()

    def do_tick(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    def do_restart(self) -> None:
        self.db.restarted_at = self.model.restarted_at = self.clock.now

    def do_add(self) -> None:
        number = len(self.model.rows)
        if number == MOST_ROWS:
            return
        with self.unhindered() as session:
            row = self.tested.make(session, self.homes[number], self.clock.now)
            session.flush()
            self.model.rows.append(Row(self.key(row), row.not_before))

    def do_sweep(self, fault: str | None = None, meanwhile: tuple[int, Step] | None = None) -> None:
        """Sweep; `meanwhile` is a step of others right before the n-th transaction of it that writes."""
        is_inner, self.is_sweeping = self.is_sweeping, True
        left, then = meanwhile or (0, None)

        def hook() -> None:
            nonlocal left
            if left == 0 and then is not None:
                self.db.before_write = lambda: None
                self._follow()
                self.do(then)
            left -= 1

        if not is_inner:
            self.db.before_write = hook
        self.db.fault = fault
        with self.as_process(SWEEPER) as services:
            try:
                sweep_work(services, [self.work])
            except TransientError:
                assert fault
                self._follow()
            else:
                for row in self.model.rows:
                    self.model.swept(row)
        self.db.fault, self.is_sweeping = None, is_inner
        if not is_inner:
            self.db.before_write = lambda: None

    def do_hand_back(self, worker: int) -> None:
        """A worker is told to stop."""
        with self.as_process(worker) as services:
            hand_back(services, self.work)
        for row in self.model.rows:
            if row.holder == PROCESSES[worker]:
                self.model.ended(row, row.claims, HANDED_BACK)

    def do_back(self, worker: int) -> None:
        """The lease renewer of a process writes what could not be written."""
        with self.as_process(worker):
            unwritten.tick()
        self.model.written(worker)

    def _follow(self) -> None:
        """What a sweep under way has done so far is done in the model as well."""
        with self.unhindered() as session:
            leases = {self.key(row): row.lease_expires_at for row in session.scalars(select(self.table))}
        for row in self.model.rows:
            if row.state == WORKING and leases.get(row.key) != row.lease:
                self.model.swept(row)


def check(world: World) -> None:
    """Rows and model agree."""
    with world.unhindered() as session:
        rows = {world.key(row): row for row in session.scalars(select(world.table))}
        for row in world.model.rows:
            found = rows.get(row.key)
            if found is None:
                assert (world.work.name, row.state) == ("part", GIVEN_UP)  # it goes with its job
                continue
            state = world.tested.state(found)
            facts: tuple[object, ...] = (state, world.tested.reason(found) if state == GIVEN_UP else None)
            if state not in (DONE, GIVEN_UP):
                holder = found.holder and found.holder.rpartition("/")[0]
                due = found.not_before if state == WAITING else None
                own = (found.attempt, found.failures, found.outage_since, found.lease_expires_at, holder, due)
                facts = (state, *own)
            assert facts == row.facts, f"{facts} where the model has {row.facts}"


def drain(world: World) -> None:
    """Let sweeps and workers go on until every row has ended; what waits is enqueued meanwhile."""
    for number, seconds in enumerate(UNTIL_THE_END):
        world.services.broker.messages.clear()
        world.do_sweep()
        waiting = [row for row in world.model.rows if row.state == WAITING and world.model.is_due(row)]
        if world.work.message is not None and number:
            sent = {row_id for _, row_id in world.services.broker.messages}
            assert {str(row.key[0]) for row in waiting} <= sent, "due and not enqueued"
        for _ in waiting:
            world.do_work(number % 2, None, bool(number // 2 % 2), Plan())
        check(world)
        if all(row.is_over for row in world.model.rows):
            return
        world.clock.advance(seconds=seconds)
    raise AssertionError("work that does not end")
