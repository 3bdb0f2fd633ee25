"""Stored logs grouped anew: every occurrence is counted once, where the rules of now say (both databases)."""

import threading

import pytest
from sqlalchemy import select

from app.db.models.crash import Crash, find_crash
from app.db.models.log import Log
from app.errors import TransientError
from app.ingest import grouping
from app.ingest.digest import digest
from app.ingest.grouping import Regrouped, regroup_logs
from app.ingest.receive import receive
from app.storage import Storage
from tests.factories import kscrash
from tests.regrouping import counted, crashes, rules_of_the_next_version, send

GROUPS = 7


def log_rows(services) -> list[int]:
    with services.db.read() as session:
        return list(session.scalars(select(Log.id).order_by(Log.id)))


def found(services, identifier: str) -> Crash | None:
    with services.db.read() as session:
        return find_crash(session, identifier)


def all_as_one(parts: tuple[str, ...]) -> tuple[str, ...]:
    return (parts[0],)


def test_logs_that_belong_where_they_are_stay_and_nothing_is_written(services, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    before = [(crash.identifier, crash.revision) for crash in crashes(services)]

    assert regroup_logs(services, log_rows(services)) == Regrouped(logs=3, moved=0, unreadable=0)

    assert [(crash.identifier, crash.revision) for crash in crashes(services)] == before


def test_a_new_version_gives_new_identifiers_to_which_the_old_ones_lead(services, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    old = counted(services)

    with rules_of_the_next_version():
        assert regroup_logs(services, log_rows(services)).moved == 3

    new = counted(services)
    assert sorted(new.values()) == sorted(old.values()) == [1, 2]
    assert not set(old) & set(new)
    for identifier, number in old.items():
        assert found(services, identifier).occurrences_count == number


def test_groups_that_become_one_are_one_crash_with_all_old_identifiers(services, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[B go]", "-[B go]")
    old = counted(services)

    with rules_of_the_next_version(all_as_one):
        regroup_logs(services, log_rows(services))

    [(identifier, number)] = counted(services).items()
    assert number == 3
    assert {found(services, one).identifier for one in old} == {identifier}


def test_the_identifier_of_a_divided_group_leads_where_most_of_it_went(services, member, run_workers):
    with rules_of_the_next_version(all_as_one):
        send(services, member, run_workers, "-[A go]", "-[B go]", "-[B go]", "-[B go]")
    [old] = counted(services)

    regroup_logs(services, log_rows(services))

    assert sorted(counted(services).values()) == [1, 3]
    assert found(services, old).occurrences_count == 3


def test_old_identifiers_are_followed_through_several_versions(services, member, run_workers):
    with rules_of_the_next_version(all_as_one):
        send(services, member, run_workers, "-[A go]", "-[A go]")
    [oldest] = counted(services)

    regroup_logs(services, log_rows(services))
    with rules_of_the_next_version():
        regroup_logs(services, log_rows(services))

    [now] = counted(services)
    assert found(services, oldest).identifier == now


def test_regrouping_twice_moves_nothing_the_second_time(services, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[B go]")

    with rules_of_the_next_version():
        regroup_logs(services, log_rows(services))
        first = counted(services)
        assert regroup_logs(services, log_rows(services)).moved == 0

    assert counted(services) == first


def test_an_emptied_crash_that_is_seen_again_tells_only_of_what_is_new(services, member, run_workers, clock):
    send(services, member, run_workers, "-[A go]")
    [old] = counted(services)
    with rules_of_the_next_version():
        regroup_logs(services, log_rows(services))

    receive(services, member.app, "2544355787-1262304000-logs-00001", kscrash(frame="-[A go]"))
    run_workers()

    assert counted(services)[old] == 1  # which compares first and last seen too
    assert found(services, old).first_seen.year == 2010


def test_revisions_rise_so_that_lists_are_made_anew(services, member, run_workers):
    with rules_of_the_next_version(all_as_one):
        send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    [old] = crashes(services)

    regroup_logs(services, log_rows(services))

    assert all(crash.revision > old.revision for crash in [found(services, old.identifier)])


def test_a_log_whose_bytes_are_gone_stays_where_it_is_and_is_told(services, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[B go]")
    with services.db.read() as session:
        services.storage.delete(session.get_one(Log, log_rows(services)[0]).storage_key)

    with rules_of_the_next_version():
        assert regroup_logs(services, log_rows(services)) == Regrouped(logs=2, moved=1, unreadable=1)

    assert sorted(counted(services).values()) == [1, 1]


def test_logs_that_wait_for_their_digest_are_left_alone(services, member):
    receive(services, member.app, "waits", kscrash())

    assert regroup_logs(services, [*log_rows(services), 999_999]) == Regrouped(0, 0, 0)


def test_an_outage_half_way_leaves_whole_bulks_and_the_rest_for_later(services, member, run_workers, monkeypatch):
    send(services, member, run_workers, *[f"-[A go{number}]" for number in range(4)])
    monkeypatch.setattr(grouping, "LOGS_IN_BULK", 2)
    get = Storage.get

    def away_later(storage: Storage, key: str, size: int | None = None) -> bytes:
        if "log-3" in key:
            raise TransientError
        return get(storage, key, size)

    with rules_of_the_next_version():
        with monkeypatch.context() as patch:
            patch.setattr(Storage, "get", away_later)
            with pytest.raises(TransientError):
                regroup_logs(services, log_rows(services))
        assert sum(counted(services).values()) == 4

        assert regroup_logs(services, log_rows(services)).moved == 2

    assert sorted(counted(services).values()) == [1, 1, 1, 1]


def test_digests_and_regroupings_side_by_side_count_every_occurrence_once(services, member, run_workers):
    with rules_of_the_next_version():
        send(services, member, run_workers, *(f"-[Page{number % GROUPS} go]" for number in range(60)))
    with services.db.read() as session:
        old = list(session.scalars(select(Log.id)))
    for number in range(60):
        receive(services, member.app, f"new-{number}", kscrash(frame=f"-[Page{number % GROUPS} go]"))
    with services.db.read() as session:
        waiting = list(session.scalars(select(Log.id).where(Log.id > max(old))))

    def digest_new() -> None:
        for row_id in waiting:
            digest(services, row_id)

    work = [digest_new, lambda: regroup_logs(services, old), lambda: regroup_logs(services, reversed(old))]
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    digest_new()
    regroup_logs(services, [*old, *waiting])

    assert len(counted(services)) == GROUPS
    assert sum(counted(services).values()) == 120
