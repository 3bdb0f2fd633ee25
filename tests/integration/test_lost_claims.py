"""PostgreSQL loses a claim in a crash and gives its attempt's number again: every type of work, both databases."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect

from app.background import TYPES
from app.db import Database
from app.db.models.membership import Membership
from app.errors import BadParameters
from app.services import Services
from app.work.ending import end, take_from_dead
from app.work.errors import AttemptLost
from app.work.lease import Attempt, claim_next, release
from app.work.work_type import WorkType
from tests.factories import make_crash, make_member
from tests.properties import work_types as types


class Row:
    """A row of one type, as the database has it."""

    def __init__(self, services: Services, work: WorkType[Any], tested: types.Tested) -> None:
        self.db: Database = services.db
        self.work, self.tested = work, tested
        member = make_member(services)
        other = make_member(services, "other@example.com")
        crash = make_crash(services, member.app, occurrences=0)
        with services.db.write() as session:
            session.add(Membership(user_id=member.user_id, app_id=other.app.id))
            row = tested.make(session, types.Home(member, crash.id, other.app.id), services.now())
            session.flush()
            self.key = tuple(getattr(row, column.key) for column in inspect(type(row)).primary_key)

    def forget(self, services: Services, claimed: Any) -> None:
        """Do what a crash of the database does that loses the claim."""
        with self.db.write() as session:
            types.forget_claim(session, self.work.leasing, claimed, services.now())

    def read(self) -> dict[str, Any]:
        """Every column."""
        with self.db.read() as session:
            row = session.get_one(self.work.leasing.table, self.key)
            return {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}

    @property
    def state(self) -> str:
        """The model's word for its state."""
        with self.db.read() as session:
            return self.tested.state(session.get_one(self.work.leasing.table, self.key))


@pytest.fixture(params=TYPES)
def work(request: pytest.FixtureRequest) -> WorkType[Any]:
    return TYPES[request.param]


@pytest.fixture
def tested(request: pytest.FixtureRequest) -> types.Tested:
    return types.TESTED[request.node.callspec.params["work"]]


@pytest.fixture
def row(services: Services, work: WorkType[Any], tested: types.Tested) -> Row:
    return Row(services, work, tested)


@pytest.fixture
def claimed_twice(
    services: Services, work: WorkType[Any], tested: types.Tested, row: Row
) -> tuple[Attempt[Any], Attempt[Any]]:
    """The attempt whose claim was lost, and the one that has its number now."""
    claim = tested.claim or (lambda claiming: claim_next(claiming, work))
    lost = claim(replace(services, worker="lost"))
    row.forget(services, lost)
    current = claim(replace(services, worker="current"))
    assert lost.attempt == current.attempt == 1
    return Attempt(services, work, lost), Attempt(services, work, current)


def test_only_the_later_claim_completes_its_row(claimed_twice, row, tested):
    lost, current = claimed_twice
    before = row.read()

    with pytest.raises(AttemptLost):
        tested.complete(lost)
    assert row.read() == before

    tested.complete(current)
    assert row.state == "done"


def test_the_lost_claim_writes_nothing_else_either(services, claimed_twice, row, work):
    lost, current = claimed_twice
    before = row.read()

    assert not lost.renew()
    with pytest.raises(AttemptLost), lost.services.db.write() as session:
        lost.progress(session)
    with pytest.raises(AttemptLost):
        release(services, work, lost.row, timedelta())
    for error in (ZeroDivisionError(), BadParameters("no")):
        assert not end(services, work, lost.row, error)
    assert not end(services, work, _with_failures(lost.row), ZeroDivisionError())  # this one looks at the row first
    assert row.read() == before

    assert current.renew()
    assert end(services, work, current.row, ZeroDivisionError())


def _with_failures(row: Any) -> Any:
    if hasattr(row, "_replace"):
        return row._replace(failures=1)
    row.failures = 1
    return row


def test_the_rows_of_a_dead_worker_are_taken_and_no_others(services, claimed_twice, row, work):
    before = row.read()
    for holders in ("lost/", "curren/", "current/1-"):
        take_from_dead(services, [work], holders)
    assert row.read() == before

    take_from_dead(services, [work], "current/")

    assert (row.state, row.read()["failures"], row.read()["lease_expires_at"]) == ("waiting", 1, None)
