"""Crashes that a digest opens again: come back in a version, or no longer ignored (both databases)."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app import create_app
from app.db.models.crash import Crash, CrashState
from app.db.models.crash_history import CrashHistory, HistoryAction
from app.identity.members import remove
from app.ingest import regrouping
from app.ingest.digest import digest
from app.ingest.receive import receive
from app.ingest.regrouping import begin_regrouping
from app.services import Services
from app.sweep import sweep
from app.triage.changes import TriageChange, change_one
from app.triage.comments import NewComment, comment
from tests.factories import join
from tests.integration.test_poll_cost import statements
from tests.regrouping import crash_of, crashes, rules_of_the_next_version, send
from tests.sentry_events import sentry_event

Occur = Callable[..., None]


def the_crash(services: Services) -> Crash:
    [crash] = crashes(services)
    return crash


def history(services: Services, crash_id: int | None = None) -> list[HistoryAction]:
    with services.db.read() as session:
        actions = select(CrashHistory.action).order_by(CrashHistory.id)
        return list(session.scalars(actions.where(CrashHistory.crash_id == crash_id) if crash_id else actions))


@pytest.fixture
def occur(services, member, run_workers) -> Occur:
    """Have the crash occur in each of these versions, in logs that are digested together."""
    number = iter(range(1_000))

    def send_all(*versions: str | None, user: str = "ada", at: Any = None) -> None:
        for version in versions:
            when = (at or services.now()).isoformat()
            event = sentry_event(user, release=version and f"com.example.notes@{version}", timestamp=when)
            receive(services, member.app, f"log-{next(number)}", event)
        run_workers()

    return send_all


@pytest.fixture
def change(services, member) -> Callable[..., Crash]:
    """Change the one crash; returns it as it is then."""

    def change_it(**wanted: Any) -> Crash:
        change_one(services, member.user_id, the_crash(services), TriageChange(**wanted))
        return the_crash(services)

    return change_it


def test_a_crash_resolved_in_a_version_comes_back_in_it_or_a_newer_one_only(services, clock, occur, change):
    occur("1.2")
    change(state="resolved", resolved_in="1.10")
    clock.advance(hours=1)

    occur("1.9.5", "1.10.0-beta", None)
    assert (the_crash(services).state, the_crash(services).regressed_at) == (CrashState.RESOLVED, None)
    occur("1.2", "1.10.1")

    back = the_crash(services)
    assert (back.state, back.regressed_at, back.resolved_in, back.terms) == (CrashState.OPEN, clock(), None, None)
    assert history(services) == [HistoryAction.RESOLVED, HistoryAction.REGRESSED]
    with services.db.read() as session:
        assert session.scalars(select(CrashHistory.version)).all() == ["1.10", "1.10.1"]


def test_resolved_in_the_next_version_it_comes_back_in_one_that_was_not_there_yet(services, clock, occur, change):
    occur("1.2", "1.3", "nightly")
    change(state="resolved", resolved_in="next")

    occur("1.3", "1.2.9", "nightly")
    assert the_crash(services).state is CrashState.RESOLVED
    occur("1.3.1")

    assert the_crash(services).state is CrashState.OPEN


def test_resolved_now_it_comes_back_with_the_next_that_happens_and_not_with_an_old_one_that_arrives(
    services, clock, occur, change
):
    occur("1.2")
    happened = clock()
    clock.advance(minutes=5)
    change(state="resolved")

    clock.advance(minutes=5)
    occur("1.2", at=happened)
    assert the_crash(services).state is CrashState.RESOLVED
    occur("1.2")

    assert the_crash(services).state is CrashState.OPEN


@pytest.mark.parametrize(
    ("until", "ends"),
    [({"occurrences": 3}, ["ada", "ada", "ada"]), ({"users": 2}, ["bob", "ada", "bob", "carol"]), (None, [])],
)
def test_an_ignored_crash_is_open_again_after_so_many_occurrences_or_users_more(services, occur, change, until, ends):
    occur("1.2")
    change(state="ignored", ignored_until=until)

    for user in ends[:-1]:
        occur("1.2", user=user)
        assert the_crash(services).state is CrashState.IGNORED
    occur("1.2", user=(ends or ["ada"])[-1])

    assert the_crash(services).state is (CrashState.OPEN if until else CrashState.IGNORED)
    assert history(services) == [HistoryAction.IGNORED, *([HistoryAction.UNIGNORED] if until else [])]
    assert the_crash(services).regressed_at is None


@pytest.mark.parametrize("by", ["digest", "sweep"])
def test_a_crash_ignored_until_a_day_is_open_again_once_it_has_come(services, clock, occur, change, by):
    occur("1.2")
    change(state="ignored", ignored_until={"date": "2018-09-20"})
    clock.advance(days=6)
    occur("1.2")
    sweep(services)
    assert the_crash(services).state is CrashState.IGNORED

    clock.advance(days=1)
    if by == "sweep":
        sweep(services)
    else:
        occur("1.2")

    assert (the_crash(services).state, the_crash(services).ignored_until) == (CrashState.OPEN, None)
    assert history(services) == [HistoryAction.IGNORED, HistoryAction.UNIGNORED]


def test_a_digest_asks_about_states_only_where_a_crash_is_not_open(services, member, occur, change):
    def sent(name: str) -> list[str]:
        receive(services, member.app, name, sentry_event("ada", release="com.example.notes@1.2"))
        with statements(services) as found:
            digest(services)
        return found

    occur("1.2")
    of_open = sent("one")
    change(state="resolved", resolved_in="1.3")
    of_resolved = sent("two")

    assert [text for text in of_open if "crash_history" in text or "resolved_in" in text] == []
    assert len(of_resolved) == len(of_open) + 1


def test_a_merge_keeps_the_state_of_the_target_and_a_split_gives_each_its_own_again(services, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[B go]")
    one, other = crash_of(services, "log-0"), crash_of(services, "log-1")
    change_one(services, member.user_id, one, TriageChange(state="resolved", assignee=member.email))
    comment(services, member.user_id, one, NewComment(text="Of one"))

    regrouping.merge(services, member.user_id, one, other)
    run_workers()
    assert the_crash(services).identifier == other.identifier
    assert the_crash(services).state is CrashState.OPEN

    regrouping.split(services, member.user_id, other, one.fingerprint)
    run_workers()
    assert {crash.id: crash.state for crash in crashes(services)} == {
        one.id: CrashState.RESOLVED, other.id: CrashState.OPEN
    }  # fmt: skip
    assert history(services, other.id) == [HistoryAction.SPLIT]
    assert history(services, one.id)[-3:] == [HistoryAction.COMMENTED, HistoryAction.MERGED, HistoryAction.SPLIT]


def test_state_and_history_go_on_with_the_crash_that_new_rules_make_of_it(services, client_of, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[B go]")
    one, other = crash_of(services, "log-0"), crash_of(services, "log-1")
    change_one(services, member.user_id, other, TriageChange(state="ignored", assignee=member.email))
    comment(services, member.user_id, one, NewComment(text="Of one"))
    regrouping.merge(services, member.user_id, one, other)
    run_workers()

    with rules_of_the_next_version():
        begin_regrouping(services, member.app.id)
        run_workers()

    heir = the_crash(services)
    assert heir.identifier not in (one.identifier, other.identifier)
    shown = client_of(f"/api/crashes/{other.identifier}")
    assert (shown["identifier"], shown["state"], shown["assignee"]) == (heir.identifier, "ignored", member.email)
    told = client_of(f"/api/crashes/{other.identifier}/history")
    assert {entry["action"] for entry in told} == {"ignored", "assigned", "commented", "merged"}


def test_who_may_no_longer_see_the_app_looks_after_none_of_its_crashes(services, client_of, member, occur, change):
    other = join(services, "carol@example.com", member.app)
    occur("1.2")
    change(assignee=other.email)

    remove(services, member.app, other.email, member.user_id)

    assert client_of(f"/api/crashes/{the_crash(services).identifier}")["assignee"] is None


@pytest.fixture
def client_of(services, member) -> Callable[[str], Any]:
    """GET a path; returns the result."""
    client = create_app(services).test_client()
    return lambda path: client.get(path, headers=member.headers).json["result"]
