"""The shells' completion of `crashq` and its commands."""

import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner

from app.cli import main


@pytest.mark.parametrize(
    ("shell", "mark"), [("zsh", "compdef"), ("fish", "complete --no-files"), ("bash", "complete -o")]
)
def test_shells_get_their_completion(shell, mark):
    ended = CliRunner().invoke(main, ["completion", shell], catch_exceptions=False)

    assert ended.exit_code == 0
    assert mark in ended.stdout


def test_completion_knows_the_commands():
    shell = get_completion_class("zsh")(main, {}, "crashq", "_CRASHQ_COMPLETE")

    assert [item.value for item in shell.get_completions(["remote"], "ba")] == ["batch"]
    assert "--format" in [item.value for item in shell.get_completions(["remote", "export"], "--f")]
