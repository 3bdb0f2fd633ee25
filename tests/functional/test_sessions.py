"""Sessions that Sentry's SDKs report: what is counted, on which day, and what a sender cannot do."""

from dataclasses import replace

import pytest
from limits.storage import MemoryStorage
from sqlalchemy import select

from app import create_app
from app.db.models import session_day
from app.db.models.known_session import KnownSession
from app.privacy.retention import remove_what_is_old
from app.queueing.rate_limit import RateLimit
from app.services import Services
from app.sweep import sweep
from tests.factories import Clock, Member, run_enqueued
from tests.sessions import Counted, counted, envelope_of, sums, update

KEY = ("2018-09-13", "=2.4.0", "=production")


def send(client, member: Member, *items: dict):
    auth = f"Sentry sentry_version=7, sentry_key={member.ingest_key}"
    return client.post(f"/api/{member.app.id}/envelope/", data=envelope_of(*items), headers={"X-Sentry-Auth": auth})


def test_a_session_counts_once_and_as_crashed_when_it_crashes(client, member, services):
    answers = [
        send(client, member, update("5e55", did="ada")),
        send(client, member, update("5e55", did="ada", init=False, errors=1)),
        send(client, member, update("5e55", did="ada", init=False, errors=2, status="crashed")),
        send(client, member, update("5e56", did="bob"), update("5e57", did="ada", status="abnormal")),
    ]

    assert [(answer.status_code, answer.json) for answer in answers] == [(200, {})] * 4
    assert counted(services, member.app.id) == {
        KEY: Counted(sessions=3, errored=2, crashed=1, abnormal=1, users=2, crashed_users=1)
    }


def test_the_sweep_finds_what_has_arrived(client, member, services, clock: Clock):
    send(client, member, update())
    sweep(services)
    run_enqueued(services)
    send(client, member, update())
    clock.advance(seconds=5)
    sweep(services)
    run_enqueued(services)

    with services.db.read() as session:
        assert list(session.scalars(select(session_day.SessionDay.sessions))) == [2]


def test_an_update_that_comes_again_after_its_session_is_counted_changes_nothing(client, member, services):
    again = update("5e55", did="ada", status="crashed")
    for _ in range(3):
        send(client, member, again, again)
        found = counted(services, member.app.id)

    assert found == {KEY: Counted(sessions=1, errored=1, crashed=1, users=1, crashed_users=1)}


def test_aggregates_are_sums(client, member, services):
    send(client, member, sums(exited=40, errored=3, crashed=2, abnormal=1), sums(exited=4))

    assert counted(services, member.app.id) == {
        ("2018-09-13", "=2.4.0", ""): Counted(sessions=50, errored=6, crashed=2, abnormal=1)
    }


@pytest.mark.parametrize(
    ("started", "day"),
    [
        ("2018-09-10T00:00:00Z", "2018-09-10"),
        ("1970-01-01T00:00:00Z", "2018-09-13"),
        ("2031-01-01T00:00:00Z", "2018-09-13"),
        ("yesterday", "2018-09-13"),
        (None, "2018-09-13"),
    ],
)
def test_a_day_that_cannot_be_believed_is_that_of_arrival(client, member, services, started, day):
    send(client, member, update(started=started))

    assert list(counted(services, member.app.id)) == [(day, *KEY[1:])]


@pytest.mark.parametrize(
    "item",
    [
        {"sid": None, "init": True},
        {"sid": "5e55", "status": "exited"},
        {"sid": "5e55", "init": "yes", "errors": "many"},
        {"aggregates": {"exited": 1}},
        {"aggregates": [{"exited": -5}, 7, {"exited": True}]},
    ],
)
def test_what_is_no_session_is_dropped(client, member, services, item):
    assert send(client, member, item).status_code == 200
    assert counted(services, member.app.id) == {}


def test_a_number_larger_than_any_minute_has_counts_as_a_million(client, member, services):
    send(client, member, sums(exited=10**18))

    assert [found.sessions for found in counted(services, member.app.id).values()] == [1_000_000]


def test_versions_and_environments_over_the_most_of_a_day_are_counted_together(client, member, services, monkeypatch):
    monkeypatch.setattr(session_day, "MOST_KEYS", 3)
    send(client, member, *(update(release=f"notes@{number}") for number in range(8)))
    send(client, member, update(release="notes@0"), update(release="notes@99"))

    found = counted(services, member.app.id)
    assert len(found) == 4
    assert sum(each.sessions for each in found.values()) == 10
    assert found["2018-09-13", "*", "*"].sessions == 6


def test_long_names_are_cut_and_what_cannot_be_stored_is_replaced(client, member, services):
    send(client, member, update(release="v\0" + "x" * 5_000, environment="\ud800"))

    [(_, version, environment)] = counted(services, member.app.id)
    assert (version, environment) == ("=v\ufffd" + "x" * 126, "=\ufffd")


def test_an_app_that_reports_too_many_sessions_is_told_so_by_their_category(member, services):
    config = replace(services.config, logs_per_minute=1)
    client = create_app(replace(services, config=config, rate_limit=RateLimit(MemoryStorage()))).test_client()

    answers = [send(client, member, update()) for _ in range(22)]

    assert {answer.status_code for answer in answers} == {200}
    limits = [answer.headers.get("X-Sentry-Rate-Limits") for answer in answers]
    assert limits[:20] == [None] * 20
    assert str(limits[21]).endswith(":session:key")
    assert [found.sessions for found in counted(services, member.app.id).values()] == [20]


def test_figures_of_sessions_go_with_their_age(client, member, services: Services, clock: Clock):
    send(client, member, update("5e55", started="2018-09-12T08:00:00Z"), update())
    assert len(counted(services, member.app.id)) == 2
    keeping = replace(services, config=replace(services.config, keep_occurrences_days=30))

    clock.advance(days=30)
    remove_what_is_old(keeping)

    assert list(counted(services, member.app.id)) == [KEY]


def test_a_single_session_is_remembered_for_three_days(client, member, services, clock: Clock):
    send(client, member, update("5e55"))
    counted(services, member.app.id)
    clock.advance(days=3)
    remove_what_is_old(services)
    send(client, member, update("5e55", status="crashed"))
    assert counted(services, member.app.id)[KEY] == Counted(sessions=1, errored=1, crashed=1)

    clock.advance(days=4)
    remove_what_is_old(services)

    with services.db.read() as session:
        assert list(session.scalars(select(KnownSession.flags))) == []
