"""Commands whose database is away end with one sentence and exit code 1."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.cli import main
from app.cli.processes import free_port
from app.operations.backup import FORMAT, LISTING, MANIFEST, OBJECTS

AWAY = "crashq: The database is unavailable, try again\n"
ASK = {  # each that opens the database -> its arguments
    "app add": ["app", "add", "Notes", "--owner", "ada@example.com"],
    "app upload-key": ["app", "upload-key", "0" * 24],
    "user add": ["user", "add", "ada@example.com"],
    "audit": ["audit"],
    "backup": ["backup", "backup"],
    "restore": ["restore", "made"],
    "db upgrade": ["db", "upgrade"],
    "doctor": ["doctor"],
    "erase": ["erase", "--app", "notes", "ada"],
    "log add": ["log", "add", "--app", "notes", "file"],
    "regroup": ["regroup"],
    "symbols add": ["symbols", "add", "--app", "notes", "file"],
    "worker-died": ["worker-died", "worker"],
}
OTHERS = {"beat", "completion", "demo", "remote", "up", "web", "worker"}
"""They need no database, have one of their own, wait for it, or are tested below."""


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings of a database behind a port where nobody listens, in a folder with what the commands are given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("a log")
    (tmp_path / "made" / OBJECTS).mkdir(parents=True)
    (tmp_path / "made" / LISTING).write_text("")
    (tmp_path / "made" / MANIFEST).write_text(json.dumps({"format": FORMAT, "database": "postgresql"}))
    environ = {
        "DATABASE_URL": f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/crashq",
        "CRASHQ_DATA_DIR": str(tmp_path / "data"),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return environ


def test_every_command_is_in_the_list_or_known_to_need_no_database():
    assert {name.partition(" ")[0] for name in ASK} | OTHERS == set(main.list_commands(click.Context(main)))


@pytest.mark.parametrize("name", ASK)
def test_a_command_says_that_the_database_is_away(name, environ):
    ended = CliRunner().invoke(main, ASK[name], input="correct horse battery staple\n")

    assert (ended.exit_code, ended.stderr) == (1, AWAY)
    assert "Traceback" not in ended.output


def test_crashq_up_says_so_and_leaves_nothing_running(environ, tmp_path):
    settings = {**environ, "PATH": "/nonexistent", "PYTHONPATH": str(Path(__file__).parents[2])}
    program = "from app.cli import main; main()"

    ended = subprocess.run(
        [sys.executable, "-c", program, "up", "--port", "0"], env=settings, capture_output=True, text=True, timeout=60
    )

    assert (ended.returncode, ended.stderr.splitlines()[-1] + "\n") == (1, AWAY)
    assert "Traceback" not in ended.stderr


def test_an_embedded_database_that_cannot_be_opened_is_told_the_same(tmp_path, monkeypatch):
    (tmp_path / "crashq.db").mkdir()
    monkeypatch.delenv("DATABASE_URL", raising=False)

    for arguments in (["doctor"], ["db", "upgrade"]):
        ended = CliRunner().invoke(main, [*arguments, "--data-dir", str(tmp_path)])
        assert (ended.exit_code, ended.stderr) == (1, AWAY)
