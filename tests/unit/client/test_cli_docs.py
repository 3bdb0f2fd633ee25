"""docs/cli.md tells every exit code, every command of `crashq remote` and every variable."""

import re
from pathlib import Path

import click

from app.cli.remote import command, remote

DOCS = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()


def test_the_exit_codes_are_those_of_the_code():
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", DOCS, re.MULTILINE)}

    codes = {value for name, value in vars(command).items() if name.isupper() and isinstance(value, int)}

    assert told == codes - {command.PRIVATE}


def test_every_command_stands_in_the_table():
    rows = re.findall(r"^\| (`[^|]*(?:\\\|[^|]*)*) \|", DOCS, re.MULTILINE)
    told = {word for row in rows for word in re.findall(r"[a-z]+", row)}

    for name, one in remote.commands.items():
        assert {name, *getattr(one, "commands", ())} <= told, name


def test_every_variable_is_named():
    assert {command.URL, command.TOKEN} <= set(re.findall(r"`(CRASHQ_\w+)`", DOCS))


def test_every_command_says_how_to_get_json_and_a_time_limit():
    def leaves(group: click.Group):
        for one in group.commands.values():
            yield from leaves(one) if isinstance(one, click.Group) else [one]

    for one in leaves(remote):
        assert {"as_json", "timeout", "patience", "quiet", "url", "insecure"} <= {param.name for param in one.params}
