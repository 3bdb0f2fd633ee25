"""A database of each earlier revision, filled, upgraded to this release: no row is lost, and answers are as before."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask.testing import FlaskClient
from sqlalchemy import MetaData, select

from app import create_app
from app.db import Database, open_database
from app.operations.schema import upgrade
from app.operations.schema_version import MIGRATIONS, is_current
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.storage import open_storage
from app.sweep import sweep
from tests.batches import made, post
from tests.factories import CONFIG, Member, kscrash, make_crash, make_member, run_enqueued
from tests.faults.ledger import IS_SOAK
from tests.servers import new_database
from tests.uploads import digested, export_url

OWN = "alembic_version"
Rows = dict[str, list[dict[str, Any]]]


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


EARLIER = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()][1:]
TRIED = (
    EARLIER if IS_SOAK else [*EARLIER[:-1:4], EARLIER[-1]]
)  # the way up is the same from each, what was there is not


def downgrade(url: str, revision: str) -> None:
    database = open_database(url)
    with database.engine.execution_options(crashq_writes=True).connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()
    database.close()


def rows_of(database: Database) -> Rows:
    """Table -> its rows, each with the columns that the schema has now."""
    known = MetaData()
    known.reflect(database.engine)
    with database.engine.connect() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in known.sorted_tables
            if table.name != OWN
        }


def check_kept(before: Rows, after: Rows) -> None:
    """Every row is there with what it held; columns that came later may be there too."""
    for table, rows in before.items():
        assert len(after[table]) == len(rows), table
        kept = [{name: row[name] for name in rows[0]} for row in after[table]] if rows else []
        assert sorted(map(repr, kept)) == sorted(map(repr, rows)), table


class Filled:
    """A service with what its users have: logs digested, rejected and waiting, jobs of several types, finished and not."""

    def __init__(self, url: str, clock: Any) -> None:
        self.storage, self.clock = open_storage("memory://"), clock
        with self.opened(url) as (services, client):
            self.member = make_member(services)
            headers = {"headers": self.member.headers}
            crash = make_crash(services, self.member.app, occurrences=40)
            log = digested(client, self.member, lambda: run_enqueued(services))
            self.paths = [
                "/api/apps",
                f"/api/apps/{self.member.app.identifier}/crashes",
                f"/api/apps/{self.member.app.identifier}/logs",
                f"/api/crashes/{crash.identifier}",
                f"/api/crashes/{crash.identifier}/occurrences",
                export_url(log),
            ]
            for path in self.paths:
                client.get(path, **headers)
            run_enqueued(services)
            made(client, self.member, lambda: run_enqueued(services), f"crashes/{crash.identifier}", format="ndjson")
            upload(client, self.member, "not a log", b"\0\1\2")
            run_enqueued(services)
            upload(client, self.member, "waits", kscrash(frame="-[Waits go]"))
            post(client, self.member, f"apps/{self.member.app.identifier}", format="csv")
            self.queued = f"/api/crashes/{crash.identifier}/occurrences?since_date=2018-09-01T00:00:00Z"
            client.get(self.queued, **headers)
            self.answers = self.ask(client)

    @contextmanager
    def opened(self, url: str) -> Iterator[tuple[Services, FlaskClient]]:
        services = Services(CONFIG, open_database(url), self.storage, MemoryBroker(), self.clock)
        yield services, create_app(services).test_client()
        services.close()

    def ask(self, client: FlaskClient) -> list[Any]:
        """What each path answers."""
        answers = [client.get(path, headers=self.member.headers) for path in self.paths]
        assert {answer.status_code for answer in answers} == {200}
        shown = [answer.json for answer in answers]
        file = shown[-1]["result"]
        file["content"] = client.get(file.pop("url")).data  # the link is signed anew each time
        return shown

    def check_waiting_work_ends(self, services: Services, client: FlaskClient) -> None:
        """What waited before the upgrade is found by the sweep and done by today's workers."""
        self.clock.advance(hours=1)
        try:
            sweep(services)
            while run_enqueued(services):
                pass
        finally:
            self.clock.advance(hours=-1)
        logs = f"/api/apps/{self.member.app.identifier}/logs"
        assert client.get(f"{logs}/waits", headers=self.member.headers).json["result"]["status"] == "digested"
        assert client.get(self.queued, headers=self.member.headers).json["loading"] == [False]


def upload(client: FlaskClient, member: Member, log_id: str, content: bytes) -> None:
    path = f"/api/apps/{member.app.identifier}/logs?log_id={log_id.replace(' ', '-')}"
    assert client.post(path, data=content, headers=member.sender).status_code == 202


@pytest.fixture(params=["sqlite", "postgresql"])
def head(request, tmp_path: Path, clock) -> Any:
    """URL of a database of this release, how a copy of it is made, and the service that filled it."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{shutil.copy(request.getfixturevalue('empty_database'), tmp_path / 'head.db')}"

            def copied() -> Any:
                return stack.enter_context(_copied_file(tmp_path))
        else:
            url = str(request.getfixturevalue("postgres_database"))
            server = str(request.getfixturevalue("postgres_url"))

            def copied() -> Any:
                return stack.enter_context(new_database(server, url.rpartition("/")[2]))

        yield url, copied, Filled(url, clock)


@contextmanager
def _copied_file(folder: Path) -> Iterator[str]:
    copy = folder / "copy.db"
    for suffix in ("", "-wal", "-shm"):
        (folder / f"copy.db{suffix}").unlink(missing_ok=True)
    shutil.copy(folder / "head.db", copy)
    yield f"sqlite:///{copy}"


def test_no_revision_loses_a_row_or_changes_an_answer_on_its_way_to_this_release(head):
    url, copied, filled = head
    for revision in TRIED:
        downgrade(url, revision)
        copy = copied()
        with filled.opened(copy) as (services, client):
            before = rows_of(services.db)
            upgrade(services.db)

            assert is_current(services.db)
            check_kept(before, rows_of(services.db))
            assert filled.ask(client) == filled.answers, revision
            filled.check_waiting_work_ends(services, client)
