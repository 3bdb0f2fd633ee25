"""Figures of crashes are those of a count, whatever moves and removes occurrences, in whatever order (both databases)."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app.background import figures
from app.crashes.log import AppInfo, CrashLog, DeviceInfo, Fault, Frame, OsInfo
from app.db.models.crash import Crash
from app.db.models.crash_figure import CrashFigure
from app.db.models.grouping_decision import merged_into
from app.db.models.occurrence import Occurrence
from app.errors import Conflict
from app.ingest.receive import receive
from app.ingest.regrouping import begin_regrouping, merge, split
from app.parsers import PARSERS
from app.parsers.document import Document
from app.privacy.erasing import begin_erasure
from app.privacy.retention import remove_what_is_old
from app.privacy.settings import change_settings
from app.services import Services
from app.sweep import sweep
from tests.factories import NOON, Clock, Member, add_newer, make_member, run_enqueued
from tests.log_parsers import CONTENT, NAME
from tests.regrouping import rules_of_the_next_version

VALUES = (None, "", "=", "1.2", "1.3", "Ünïcode ⌘")
USERS = (None, None, "ada", "bob", "", "=cleo")
STEPS = 25
SEEDS = range(200 if os.environ.get("CRASHQ_SOAK") else 2)


class Parser:
    """Reads logs whose crash reports are JSON, every fact of them given."""

    FORMAT = NAME

    def sniff(self, document: Document) -> bool:
        """True for what begins as the tests' own format."""
        return document.raw.startswith(CONTENT)

    def parse(self, document: Document) -> list[CrashLog]:
        """The reports in their order."""
        return [self._report(given) for given in json.loads(document.raw.removeprefix(CONTENT))]

    def _report(self, given: dict[str, Any]) -> CrashLog:
        fault = Fault(type=given["type"], frames=(Frame("run", "com.example.Main"),))
        return CrashLog(
            format=NAME, platform="java", occurred_at=datetime.fromisoformat(given["at"]), faults=(fault,),
            app=AppInfo(version=given["version"]), os=OsInfo(name=given["os"], version=given["os_version"]),
            device=DeviceInfo(model=given["model"]), user_id=given["user"], tags=given["tags"], level=given["level"],
            details={"environment": given["environment"]} if given["environment"] is not None else {},
        )  # fmt: skip


@dataclass
class World:
    """An app whose logs come, move and go at random."""

    services: Services
    clock: Clock
    member: Member
    random: Random
    logs: int = 0
    meanwhile: list[Callable[[], object]] = field(default_factory=list)  # in the middle of the next recount

    def digest(self) -> None:
        for _ in range(self.random.randint(1, 4)):
            self.logs += 1
            reports = [self._report() for _ in range(self.random.randint(1, 3))]
            receive(self.services, self.member.app, f"log-{self.logs}", CONTENT + json.dumps(reports).encode())
        run_enqueued(self.services)

    def _report(self) -> dict[str, Any]:
        one = self.random.choice
        return {
            "type": one("AABC"), "version": one(VALUES), "os": one(VALUES), "os_version": one(VALUES), "model": one(VALUES),
            "user": one(USERS), "environment": one(VALUES), "level": one([None, "fatal", "warning"]),
            "tags": {name: one(VALUES) for name in self.random.sample(["a", "=b", 'q"', "Ünïcode"], k=one([0, 0, 1, 3]))},
            "at": (NOON - timedelta(hours=self.random.randint(0, 70))).isoformat(),
        }  # fmt: skip

    def digest_as_the_release_before(self) -> None:
        for crash in self.random.sample(self._crashes(), k=min(len(self._crashes()), 1)):
            add_newer(self.services, crash, NOON + timedelta(minutes=self.logs))
            self.logs += 1

    def merge(self) -> None:
        crashes = self._crashes()
        if len(crashes) > 1:
            merge(self.services, self.member.user_id, *self.random.sample(crashes, k=2))
            self.work()

    def split(self) -> None:
        for crash in self._crashes():
            with self.services.db.read() as session:
                merged = merged_into(session, crash.identifier, 9)
            for one in merged[:1]:
                split(self.services, self.member.user_id, crash, one.fingerprint)
                self.work()

    def regroup(self) -> None:
        letters = self.random.choice([1, 2])
        with rules_of_the_next_version(lambda parts: parts[:letters]):
            begin_regrouping(self.services, self.member.app.id, anew=True)
            self.work()
        begin_regrouping(self.services, self.member.app.id, anew=True)
        self.work()

    def erase(self) -> None:
        begin_erasure(self.services, self.member.app, self.random.choice(["ada", "bob", "=cleo"]))
        self.work()

    def age(self) -> None:
        change_settings(self.services, self.member.app, {"keep_occurrences_days": self.random.choice([2, 3])})
        remove_what_is_old(self.services)
        change_settings(self.services, self.member.app, {"keep_occurrences_days": None})
        self.work()

    def distrust(self) -> None:
        figures.distrust(self.services, self.member.app.id)

    def recount(self) -> None:
        figures.renew_figures(self.services)
        self.work()

    def recount_beside(self) -> None:
        other = [self.digest_one, self.digest_as_the_release_before, self.distrust, self.age]
        self.meanwhile = [self.random.choice(other)]
        self.recount()
        self.meanwhile = []

    def digest_one(self) -> None:
        waiting, self.services.broker.messages = self.services.broker.messages, []  # type: ignore[attr-defined]
        self.digest()
        self.services.broker.messages.extend(waiting)  # type: ignore[attr-defined]

    def work(self) -> None:
        """Do what workers and sweeps would for two minutes."""
        for _ in range(3):
            run_enqueued(self.services)
            self.clock.advance(seconds=61)
            sweep(self.services)
        run_enqueued(self.services)

    def _crashes(self) -> list[Crash]:
        with self.services.db.read() as session:
            return list(session.scalars(select(Crash).where(Crash.occurrences_count > 0).order_by(Crash.id)))

    def check(self) -> int:
        """Complete figures are those of a count; returns how many crashes have such."""
        with self.services.db.read() as session:
            crashes = list(session.scalars(select(Crash)))
            occurrences = list(session.scalars(select(Occurrence)))
            kept = list(session.scalars(select(CrashFigure)))
        complete = {crash.id for crash in crashes if crash.figures_revision == crash.revision}
        counted: Counter[tuple[Any, ...]] = Counter()
        for one in occurrences:
            day = one.occurred_at.astimezone(UTC).date()
            handled = None if one.handled is None else str(one.handled).lower()
            told_by: list[tuple[str, str | None, str | None]] = [
                ("app_version", one.app_version, None), ("os", one.os_name, one.os_version),
                ("device_model", one.device_model, None),
            ]  # fmt: skip
            told_by += [("user", one.user_id, one.app_version)] * (one.user_id is not None)
            told_by += [("environment", one.environment, one.app_version)] * (one.environment is not None)
            told_by += [("kind", one.kind, handled)] * (one.kind is not None)
            told_by += [("tag", *tag) for tag in json.loads(one.tags or "{}").items()]
            for fact, *values in told_by:
                value, detail = ("" if value is None else f"={value}" for value in values)
                counted[one.crash_id, fact, day, value, detail] += 1
        stored = {(row.crash_id, row.fact, row.day, row.value, row.detail): row.occurrences for row in kept}
        assert {key: number for key, number in stored.items() if key[0] in complete} == {
            key: number for key, number in counted.items() if key[0] in complete
        }
        return len(complete)


@pytest.fixture
def world(services, clock, monkeypatch, request) -> World:
    monkeypatch.setitem(PARSERS, NAME, Parser())
    made = World(services, clock, make_member(services), Random(request.param))
    differences = figures.differences

    def interrupted(session: Any, crash_id: int) -> Iterator[Any]:
        for rows in differences(session, crash_id):
            while made.meanwhile:
                made.meanwhile.pop()()
            yield rows

    monkeypatch.setattr(figures, "differences", interrupted)
    return made


@pytest.mark.parametrize("world", SEEDS, indirect=True)
def test_figures_are_those_of_a_count(world):
    world.digest()
    names = (
        ["digest"] * 4 + ["merge", "split", "regroup", "erase", "age", "distrust", "recount"] + ["recount_beside"] * 2
    )
    names.append("digest_as_the_release_before")

    for name in world.random.choices(names, k=STEPS):
        with suppress(Conflict):  # of two crashes that are being merged already
            getattr(world, name)()
        world.check()

    for _ in range(3):
        world.recount()
    assert world.check() == len(every_crash(world.services))


def every_crash(services: Services) -> list[Crash]:
    with services.db.read() as session:
        return list(session.scalars(select(Crash)))
