"""`crashq log add` over folders and archives: order, resumption, exit codes, summary."""

import pytest
from click.testing import CliRunner

from app.cli import logs, main

TRACE = "java.lang.IllegalStateException: {0}\n\tat com.example.{0}.Main.run(Main.java:7)\n"


@pytest.fixture
def crashq(tmp_path):
    def run(*arguments, **more):
        return CliRunner().invoke(main, [*arguments, "--data-dir", str(tmp_path / "data")], **more)

    return run


@pytest.fixture
def target(crashq):
    assert crashq("user", "add", "ada@example.com", input="a long pass phrase\n").exit_code == 0
    made = crashq("app", "add", "Shop", "--owner", "ada@example.com")
    return next(word for word in made.output.split() if len(word) == 24)


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.txt", "b/.hidden", "a.txt", "b/1.txt"):
        path = tmp_path / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TRACE.format(path.stem.strip(".")))
    return tmp_path / "logs"


def names(result):
    return [line.split(":")[0].rsplit("/", 1)[-1] for line in result.output.splitlines() if " as " in line]


def test_the_files_of_a_folder_and_below_are_added_in_order_without_hidden_ones(crashq, target, folder):
    result = crashq("log", "add", "--app", target, str(folder))

    assert names(result) == ["a.txt", "1.txt", "2.txt"]
    assert "3 added\n" in result.output
    assert result.exit_code == 0


def test_after_ctrl_c_the_same_command_goes_on_with_what_is_not_there(crashq, target, folder, monkeypatch):
    taken = []

    def interrupted(services, app, log_id, content):
        if len(taken) == 2:
            raise KeyboardInterrupt
        taken.append(log_id)
        return receive(services, app, log_id, content)

    receive = logs.receive
    monkeypatch.setattr(logs, "receive", interrupted)

    first = crashq("log", "add", "--app", target, str(folder))
    monkeypatch.setattr(logs, "receive", receive)
    second = crashq("log", "add", "--app", target, str(folder))

    assert first.exit_code == 130
    assert "2 added\n" in first.output
    assert "1 added, 2 already there\n" in second.output
    assert second.exit_code == 0


def test_a_file_that_is_not_added_is_summed_up_with_its_reason(crashq, target, folder):
    (folder / "empty.txt").touch()

    result = crashq("log", "add", "--app", target, str(folder))

    assert "3 added, 1 not added\n  1 × The body is empty" in result.output
    assert result.exit_code == 1
