"""The erasure of a user over HTTP and by command."""

import pytest
from click.testing import CliRunner

from app.cli import main
from app.config import Config, embedded_environment
from app.identity import accounts
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.services import open_services
from tests.factories import PASSWORD, make_member
from tests.sentry_events import sentry_event
from tests.uploads import digested

ADA = "user-ada-4711"


@pytest.fixture
def users(member) -> str:
    return f"/api/apps/{member.app.identifier}/users"


def test_a_delete_is_answered_at_once_and_polled_to_its_end(client, member, users, run_workers, clock):
    log = digested(client, member, run_workers, sentry_event(ADA))

    begun = client.delete(f"{users}/{ADA}", headers=member.headers)
    again = client.delete(f"{users}/{ADA}", headers=member.headers)
    meanwhile = client.get(begun.headers["Location"], headers=member.headers)
    run_workers()
    clock.advance(seconds=31)
    ended = client.get(begun.json["result"]["status_url"], headers=member.headers)

    assert begun.status_code == 202
    assert list(begun.json["result"]) == [
        "erasure_id", "status_url", "user_hash", "state", "step", "scan", "progress", "removed", "created_at",
        "finished_at", "error_code",
    ]  # fmt: skip
    assert again.json == begun.json
    assert (meanwhile.json["result"]["state"], meanwhile.headers["X-Progress"]) == ("live", "0/1 logs")
    result = ended.json["result"]
    assert (result["state"], result["step"], result["finished_at"]) == ("finished", None, "2018-09-13T12:00:00Z")
    assert (result["progress"], result["removed"]) == (
        {"done": 1, "total": 1, "unit": "logs"}, {"logs": 1, "occurrences": 1, "jobs": 0}
    )  # fmt: skip
    assert (
        client.get(f"/api/apps/{member.app.identifier}/logs/{log['log_id']}", headers=member.headers).status_code == 404
    )
    listed = client.get(f"/api/apps/{member.app.identifier}/erasures", headers=member.headers)
    assert listed.json["result"] == [result]
    assert ADA not in listed.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("a-user?scan=maybe", 400), ("short?scan=true", 400), ("x%00y", 404), ("a" * 513, 400),
        ("with/slash/4711", 202), ("short", 202), ("z%C3%B6e-4711", 202),
    ],
)  # fmt: skip
def test_what_may_be_asked(client, member, users, path, status):
    assert client.delete(f"{users}/{path}", headers=member.headers).status_code == status


def test_only_members_may_erase_and_look(client, services, member, users):
    stranger = make_member(services, "mallory@example.com")
    erasure = client.delete(f"{users}/{ADA}", headers=member.headers).json["result"]["status_url"]

    for headers, status in ((stranger.headers, 404), (member.sender, 401), ({}, 401)):
        assert client.delete(f"{users}/{ADA}", headers=headers).status_code == status
        assert client.get(erasure, headers=headers).status_code == status
        assert client.get(erasure.rpartition("/")[0], headers=headers).status_code == status
    own = f"/api/apps/{stranger.app.identifier}/erasures/{erasure.rpartition('/')[2]}"
    assert client.get(own, headers=stranger.headers).status_code == 404


def test_the_command_erases_with_no_service_running(tmp_path):
    runner = CliRunner()
    folder = ["--data-dir", str(tmp_path)]
    runner.invoke(main, ["user", "add", "ada@example.com", *folder], input=PASSWORD)
    told = runner.invoke(main, ["app", "add", "Notes", "--owner", "ada@example.com", *folder]).output
    identifier = told.split()[2]
    services = open_services(Config.from_env(embedded_environment(tmp_path), needs_broker=False))
    app = accounts.app_for_operator(services, identifier)
    receive(services, app, "a-1", sentry_event(ADA))

    done = runner.invoke(main, ["erase", "--app", identifier, "-", *folder], input=f"{ADA}\n")

    assert (done.exit_code, done.output.partition(" (")[0]) == (0, "erased: 1 log, 0 occurrences, 0 results"), done
    with pytest.raises(Exception, match="Log not found"):
        log_state(services, app, "a-1")
    services.close()
