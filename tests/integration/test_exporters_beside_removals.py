"""Data exporters and their runs beside the removal of members, apps and users: no deadlock, no 500, nothing left over.

PostgreSQL only: SQLite has one writer at a time.
"""

import itertools
import os
import random
import time
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from app.db.models.app import App, find_app
from app.db.models.membership import Role
from app.errors import AppError, RemovedMeanwhile
from app.identity import members, users
from app.jobs.exporter_runs import run_exports
from app.sweep import sweep
from tests.at_once import at_once
from tests.factories import NOON, make_crash, make_member, run_enqueued

SEED = int(os.environ.get("CRASHQ_FAULT_SEED", "20"))
SECONDS, THREADS, USERS, APPS = 2.0, 8, 6, 5


@pytest.fixture
def database_url(postgres_database) -> str:
    return postgres_database


class World:
    """Users and apps that come and go, and what the service answered."""

    def __init__(self, services, client_of) -> None:
        self.services, self.client_of = services, client_of
        self.answers: Counter[tuple[str, int]] = Counter()
        self.numbers = itertools.count()
        self.members = [self.newcomer() for _ in range(USERS)]
        self.apps = [self.members[at % USERS].app.identifier for at in range(APPS)]

    def newcomer(self):
        number = next(self.numbers)
        member = make_member(self.services, f"user-{number}@example.com", f"App {number}")
        make_crash(self.services, member.app, newest=NOON - timedelta(minutes=number))
        return member

    def act(self, index: int) -> None:
        """Do as chance will until the time is up."""
        choose, client = random.Random(SEED * 100 + index), self.client_of(self.services)
        until = time.monotonic() + SECONDS
        mine = [self.manage, self.leave, self.exporters, self.exporters, self.work, self.go]
        while time.monotonic() < until:
            choose.choice(mine)(choose, client)

    def call(self, choose, client, method: str, path: str, **body) -> dict:
        answer = client.open(path, method=method, headers=choose.choice(self.members).headers, json=body or None)
        told = answer.get_json(silent=True) or {}
        self.count(f"{method} {path.split('/')[2]}", answer.status_code, told.get("error_message"))
        return told

    def count(self, name: str, status: int, message: str | None = None) -> None:
        """Count an answer; 0 for one that found its user or app gone while it wrote, which the next try tells."""
        self.answers[name, 0 if message == RemovedMeanwhile.message else status] += 1

    def operate(self, name: str, act, *given) -> None:
        """As `crashq user` and `crashq app` do."""
        try:
            act(*given)
            self.count(name, 200)
        except AppError as error:
            self.count(name, error.status, error.message)

    def manage(self, choose, client) -> None:
        """By owners, and by the operator, who lets more people in than go."""
        at = f"/api/apps/{choose.choice(self.apps)}/members"
        email = choose.choice(self.members).email
        self.call(choose, client, "POST", at, email=email, role=choose.choice(["owner", "member", "viewer"]))
        self.call(choose, client, "PATCH", f"{at}/{email}", role=choose.choice(["owner", "owner", "member"]))
        for identifier in choose.sample(self.apps, 3):
            with self.services.db.read() as session:
                app = find_app(session, identifier)
            if app is not None and app.removed_at is None:
                self.operate("put", members.put, self.services, app, choose.choice(self.members).email, Role.OWNER)

    def leave(self, choose, client) -> None:
        self.call(
            choose,
            client,
            "DELETE",
            f"/api/apps/{choose.choice(self.apps)}/members/{choose.choice(self.members).email}",
        )

    def exporters(self, choose, client) -> None:
        several = choose.sample(self.apps, choose.randint(1, 3))
        made = self.call(choose, client, "POST", "/api/data_exporters", name="Nightly", apps=several, bucket_name="b")
        listed = self.call(choose, client, "GET", "/api/data_exporters").get("result", [])
        for one in [*listed[:2], made.get("result")]:
            if one:
                at = f"/api/data_exporters/{one['identifier']}"
                self.call(choose, client, "PATCH", at, apps=several[::-1])
                self.call(choose, client, "GET", f"{at}/runs")
                if choose.random() < 0.5:
                    self.call(choose, client, "DELETE", at)

    def work(self, choose, _client) -> None:
        """As a worker, and time goes by."""
        if choose.random() < 0.3:
            self.services.now.advance(hours=choose.choice([1, 24]))
        for step in (run_exports, sweep, run_enqueued):
            self.operate(step.__name__, step, self.services)

    def go(self, choose, client) -> None:
        """An app, or a user, is removed; another one comes."""
        at = choose.randrange(APPS)
        self.call(choose, client, "DELETE", f"/api/apps/{self.apps[at]}")
        who = choose.randrange(USERS)
        self.operate("remove user", users.remove, self.services, self.members[who].email)
        self.members[who] = self.newcomer()
        self.apps[at] = self.members[who].app.identifier


def deadlocks(services) -> int:
    with services.db.read() as session:
        counted = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return session.scalar(counted) or 0


def test_members_apps_and_users_go_while_their_exporters_run(services, client_of, clock):
    world = World(services, client_of)

    raised = at_once(THREADS, world.act)

    told = f"CRASHQ_FAULT_SEED={SEED}: {sorted(world.answers.items())}"
    assert raised == [], told
    assert deadlocks(services) == 0, told
    assert [one for one in world.answers if one[1] >= 500] == [], told
    for _ in range(5):
        clock.advance(hours=2)
        sweep(services)
        run_enqueued(services)
    with services.db.read() as session:
        assert session.scalar(select(func.count()).where(App.removed_at.is_not(None))) == 0
