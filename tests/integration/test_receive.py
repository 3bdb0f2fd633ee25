"""Taking a log in: its bytes, its row and one task message, or nothing at all (both databases)."""

import hashlib
from dataclasses import replace

import pytest
from sqlalchemy import select

from app import create_app, ingest
from app.db.models.crash import Crash
from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence
from app.errors import BadParameters, Conflict, TooLarge, TransientError
from app.ingest.receive import receive
from app.queueing.broker import DIGEST_LOG
from app.services import Services
from app.storage import Storage
from app.storage_keys import log_key
from tests.at_once import at_once
from tests.factories import NOON, kscrash, make_member
from tests.integration.test_poll_cost import statements

VENDORS = "2544355787-1536831773-logs-00003"


def rows(services: Services, table: type) -> list:
    with services.db.read() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def stored(services: Services) -> set[str]:
    """Keys of all logs in the store."""
    return {stat.key for stat in services.storage.list("logs")}


@pytest.fixture
def post(services, member):
    """Send a log as a client does."""
    client = create_app(services).test_client()
    url = f"/api/apps/{member.app.identifier}/logs?log_id={VENDORS}"
    return lambda content=b"", headers=None: client.post(
        url, data=content or kscrash(), headers=headers or member.sender
    )


@pytest.mark.parametrize("headers", ["sender", "headers"])
def test_an_upload_costs_two_statements_with_all_checks_and_no_transaction_while_the_store_writes(
    services, member, post, monkeypatch, headers
):
    put, before = Storage.put_bytes, []
    with statements(services) as sent:
        monkeypatch.setattr(Storage, "put_bytes", lambda *args: (before.extend(sent), put(*args)))
        assert post(headers=getattr(member, headers)).status_code == 202

    assert [statement.split()[0] for statement in sent] == ["SELECT", "INSERT"]
    assert before == sent[:1]


def test_the_same_log_again_is_known_by_one_statement_and_writes_nothing(services, post, monkeypatch):
    post()
    [before] = rows(services, Log)
    monkeypatch.setattr(Storage, "put_bytes", _away)

    with statements(services) as sent:
        answers = [post(), post(kscrash("another reason"))]

    assert [answer.status_code for answer in answers] == [202, 409]
    assert len(sent) == 2
    [after] = rows(services, Log)
    assert vars(after) | {"_sa_instance_state": 0} == vars(before) | {"_sa_instance_state": 0}


@pytest.mark.parametrize("second", [kscrash(), kscrash("another reason")], ids=["same", "other"])
def test_an_upload_that_another_of_its_name_overtakes_leaves_no_object_of_its_own(
    services, member, clock, monkeypatch, second
):
    put = Storage.put_bytes

    def overtaken(storage: Storage, key: str, content: bytes) -> None:
        put(storage, key, content)
        monkeypatch.setattr(Storage, "put_bytes", put)
        clock.advance(days=1)
        receive(services, member.app, VENDORS, second)

    monkeypatch.setattr(Storage, "put_bytes", overtaken)
    if second == kscrash():
        receive(services, member.app, VENDORS, kscrash())
    else:
        with pytest.raises(Conflict):
            receive(services, member.app, VENDORS, kscrash())

    [log] = rows(services, Log)
    assert stored(services) == {log.storage_key}
    assert services.storage.get(log.storage_key) == second
    assert len(services.broker.messages) == 1


def test_what_a_death_between_bytes_and_row_leaves_behind_is_no_log_and_does_not_hinder_the_next_try(
    services, member, monkeypatch
):
    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(ingest.receive, "insert_log", die)
        with pytest.raises(SystemExit):
            receive(services, member.app, VENDORS, kscrash("another reason"))
    assert (rows(services, Log), len(stored(services))) == ([], 1)

    receive(services, member.app, VENDORS, kscrash())

    [log] = rows(services, Log)
    assert services.storage.get(log.storage_key) == kscrash()


def test_an_upload_is_bytes_in_the_store_a_row_and_one_message(services, member):
    log_id = receive(services, member.app, VENDORS, kscrash())

    [log] = rows(services, Log)
    assert (log_id, log.log_id, log.status, log.size) == (VENDORS, VENDORS, LogStatus.RECEIVED, len(kscrash()))
    key = log_key(member.app.identifier, NOON.date(), VENDORS, hashlib.sha256(kscrash()).hexdigest())
    assert log.storage_key.rpartition("-")[0] == key.rpartition("-")[0]
    assert stored(services) == {log.storage_key}
    assert services.storage.get(log.storage_key) == kscrash()
    assert services.broker.messages == [(DIGEST_LOG, str(log.id))]


def test_the_same_log_again_changes_nothing(services, member, run_workers):
    for _ in range(3):
        assert receive(services, member.app, VENDORS, kscrash()) == VENDORS
        run_workers()

    assert [len(rows(services, table)) for table in (Log, Crash, Occurrence)] == [1, 1, 1]
    assert rows(services, Crash)[0].occurrences_count == 1


def test_other_bytes_under_the_same_name_are_refused_and_the_first_stay(services, member):
    receive(services, member.app, VENDORS, kscrash())

    with pytest.raises(Conflict, match=VENDORS):
        receive(services, member.app, VENDORS, kscrash("another reason"))

    [log] = rows(services, Log)
    assert services.storage.get(log.storage_key) == kscrash()


def test_the_same_name_in_another_app_is_another_log(services, member):
    other = make_member(services, "bob@example.com")

    receive(services, member.app, VENDORS, kscrash())
    receive(services, other.app, VENDORS, kscrash("another reason"))

    assert len(rows(services, Log)) == 2


def test_one_of_many_uploads_at_once_under_one_name_is_kept(services, member):
    contents = [kscrash(f"reason {number}") for number in range(8)]

    raised = at_once(8, lambda index: receive(services, member.app, VENDORS, contents[index]))

    [log] = rows(services, Log)
    assert [type(error) for error in raised] == [Conflict] * 7
    assert stored(services) == {log.storage_key}
    assert services.storage.get(log.storage_key) in contents
    assert len(services.broker.messages) == 1


def test_the_server_names_a_log_that_has_no_name(services, member):
    names = {receive(services, member.app, None, kscrash(f"reason {number}")) for number in range(5)}

    assert len(names) == 5
    assert all(f"-{int(NOON.timestamp())}-logs-" in name for name in names)


@pytest.mark.parametrize(
    ("log_id", "content", "error"),
    [("../x", b"x", BadParameters), ("", b"x", BadParameters), ("a\0", b"x", BadParameters), ("a", b"", BadParameters),
     ("a", b"x" * 1_025, TooLarge)],
)  # fmt: skip
def test_a_senseless_upload_is_refused_and_leaves_nothing(services, member, log_id, content, error):
    small = replace(services, config=replace(services.config, max_log_bytes=1_024))

    with pytest.raises(error):
        receive(small, member.app, log_id, content)

    assert rows(services, Log) == []
    assert list(services.storage.list("logs")) == []


def test_an_upload_while_the_store_is_away_leaves_no_row_and_works_later(services, member, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "put_bytes", _away)
        with pytest.raises(TransientError):
            receive(services, member.app, VENDORS, kscrash())
    assert rows(services, Log) == []
    assert services.broker.messages == []

    assert receive(services, member.app, VENDORS, kscrash()) == VENDORS


def _away(*_: object) -> None:
    raise TransientError
