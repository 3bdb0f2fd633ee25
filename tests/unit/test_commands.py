"""Every command of `crashq` is found by its name, and its module is imported for it alone."""

import importlib
import pkgutil
import subprocess
import sys

import click

from app import cli
from app.cli import COMMANDS, SUMMARIES, main

OF_THE_SERVER = ["sqlalchemy", "flask", "celery", "obstore", "app.db", "app.jobs"]


def test_each_module_registers_the_commands_that_are_listed_for_it():
    registered: dict[str, set[str]] = {}
    for module in pkgutil.iter_modules(cli.__path__):
        importlib.import_module(f"{cli.__name__}.{module.name}")
    for name, command in main.commands.items():
        home = command.callback.__module__.removeprefix("app.cli").lstrip(".").partition(".")[0]
        registered.setdefault(home, set()).add(name)

    assert registered.pop("") == {"completion"}  # it needs nothing but the commands
    assert registered == {module: set(names) for module, names in COMMANDS.items()}


def test_every_command_is_found_and_no_other():
    context = click.Context(main)

    assert all(main.get_command(context, name) for name in main.list_commands(context))
    assert main.get_command(context, "http") is None


def test_the_client_s_commands_need_nothing_of_the_server():
    told = "import sys, app.cli.remote; print([name for name in %r if name in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", told % OF_THE_SERVER], capture_output=True, text=True, check=True)

    assert loaded.stdout == "[]\n"


def test_the_list_of_commands_says_what_the_help_of_each_begins_with():
    context = click.Context(main)
    told = {name: " ".join(main.get_command(context, name).help.partition("\n\n")[0].split()) for name in SUMMARIES}

    assert main.list_commands(context) == sorted(SUMMARIES)
    assert {name: SUMMARIES[name] for name in told if not told[name].startswith(SUMMARIES[name])} == {}


def test_the_list_of_commands_imports_none_of_them():
    told = "import sys, app.cli\ntry: app.cli.main(['--help'])\nexcept SystemExit: print([n for n in %r if n in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", told % OF_THE_SERVER], capture_output=True, text=True, check=True)

    assert loaded.stdout.endswith("[]\n")
    assert "Uploaded crash logs." in loaded.stdout


def test_adding_logs_needs_neither_parsers_nor_migrations():
    told = "import sys, app.cli.logs; print([name for name in %r if name in sys.modules])"
    others = ["alembic", "flask", "app.parsers", "app.jobs", "app.reports", "jinja2"]

    loaded = subprocess.run([sys.executable, "-c", told % others], capture_output=True, text=True, check=True)

    assert loaded.stdout == "[]\n"
