"""`crashq remote resolve`, `ignore`, `reopen`, `assign`, `comment` and `history`, against this process' own service."""

import threading
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from app import create_app
from app.cli import main
from app.client import Client
from tests.factories import NOON, join, make_crash


@pytest.fixture
def url(services) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(services), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(url, member, tmp_path, monkeypatch, lines) -> Callable[..., Result]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("CRASHQ_REMOTE_URL", url)
    monkeypatch.setenv("CRASHQ_REMOTE_TOKEN", member.token)
    return lambda *arguments, **more: CliRunner().invoke(main, ["remote", *arguments], catch_exceptions=False, **more)


def test_the_commands_change_crashes_one_after_the_other_and_tell_the_history(services, member, run):
    one, other = make_crash(services, member.app), make_crash(services, member.app, newest=NOON.replace(hour=13))
    join(services, "carol@example.com", member.app)

    resolved = run("resolve", one.identifier, other.identifier, "--in", "2.4")
    run("ignore", other.identifier, "--users", "10")
    run("assign", one.identifier, "--to", "carol@example.com")
    said = run("comment", one.identifier, input="Only on tablets\n")
    shown = run("crash", one.identifier)
    assert run("crashes", member.app.identifier, "--state", "ignored").stdout.startswith(other.identifier)
    run("reopen", one.identifier)
    told = run("history", one.identifier, "--limit", "3")

    assert resolved.stdout == f"{one.identifier}\tresolved\t-\n{other.identifier}\tresolved\t-\n"
    assert said.stdout.strip().isdigit()
    assert "state\tresolved, in 2.4\nassignee\tcarol@example.com\n" in shown.stdout
    assert [line.split("\t")[1:] for line in told.stdout.splitlines()] == [
        [member.email, "reopened", "-", "-", "-"],
        [member.email, "commented", "-", "-", "Only on tablets"],
        [member.email, "assigned", "-", "carol@example.com", "-"],
    ]
    assert (
        '"ignored_until":{"date":null,"occurrences":null,"users":10}' in run("crash", other.identifier, "--json").stdout
    )


def test_what_does_not_fit_ends_with_its_exit_code(services, member, run):
    crash = make_crash(services, member.app).identifier

    codes = [
        run("resolve").exit_code,
        run("ignore", crash, "--users", "1", "--until", "2030-01-01").exit_code,
        run("resolve", crash, "--in", "next").exit_code,
        run("assign", crash, "--to", "nobody@example.com").exit_code,
        run("comment", crash, " ").exit_code,
        run("reopen", "0" * 24).exit_code,
    ]

    assert codes == [2, 2, 2, 2, 2, 4]


def test_a_program_changes_many_at_once(services, member, url):
    crash = make_crash(services, member.app).identifier

    with Client(url, member.token) as client:
        [changed, unknown] = client.change_crashes(member.app.identifier, [crash, "x"], {"state": "resolved"})
        client.comment(crash, "Gone")

        assert (changed.status, unknown.status) == ("changed", "not_found")
        assert [one.text for one in client.comments(crash)] == ["Gone"]
