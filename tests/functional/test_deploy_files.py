"""The files of deploy/ call commands that exist, with settings that crashq takes, and hold no secret."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from app.cli import main
from app.config import Config
from app.errors import ConfigError
from tests.servers import missing

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
KUBERNETES = yaml.safe_load((DEPLOY / "kubernetes.yaml").read_text())["items"]
UNITS = sorted((DEPLOY / "systemd").iterdir())
EXAMPLE = (DEPLOY / "compose.env.example").read_text()
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
PROGRAM = "/opt/crashq/.venv/bin/crashq"


def containers() -> Iterator[dict[str, Any]]:
    """Those of the Kubernetes example."""
    for item in KUBERNETES:
        if "template" in item.get("spec", {}):
            yield from item["spec"]["template"]["spec"]["containers"]


def commands() -> Iterator[list[str]]:
    """Every command of crashq that a file calls."""
    yield from (shlex.split(line.partition(":")[2]) for line in (ROOT / "Procfile").read_text().splitlines())
    yield from (yaml.safe_load(one) for one in re.findall(r"^CMD (.*)$", (DEPLOY / "Containerfile").read_text(), re.M))
    yield from (service["command"] for service in COMPOSE["services"].values() if service["command"][0] == "crashq")
    yield from (container["command"] for container in containers())
    for unit in UNITS:
        yield from (
            shlex.split(found) for found in re.findall(r"\bcrashq/\.venv/bin/(crashq[^\n']*)", unit.read_text())
        )


def test_every_command_is_one_of_crashq():
    called = list(commands())

    assert len(called) > 15
    for program, *arguments in called:
        context, command = click.Context(main), main
        while isinstance(command, click.Group):
            command = command.get_command(context, arguments.pop(0))
        assert program == "crashq"
        assert command is not None
        command.make_context("crashq", arguments)  # raises where an argument or option is none of the command


def test_compose_starts_only_with_the_secrets_of_its_env_file_and_the_example_has_none():
    text = (DEPLOY / "compose.yaml").read_text()
    required = {name for name, kind, _ in VARIABLE.findall(text) if kind == "?"}
    named = {name for name, _, _ in VARIABLE.findall(text)}
    given = dict(re.findall(r"^(\w+)=(.*)$", EXAMPLE, re.M))

    assert given == dict.fromkeys(required, "")
    assert named - required == set(re.findall(r"^#(\w+)=", EXAMPLE, re.M))


def test_the_settings_of_compose_are_settings_of_crashq():
    def filled(value: str) -> str:
        return VARIABLE.sub(lambda found: found[3] if found[2] == "-" else "a" * 20, value)

    for name in ("web", "worker", "beat", "release"):
        environ = {key: filled(value) for key, value in COMPOSE["services"][name]["environment"].items()}
        config = Config.from_env(environ)
        assert config.database_url == f"postgresql+psycopg://crashq:{'a' * 20}@postgres/crashq"
    assert {name for name in environ if name.startswith("CRASHQ_")} <= settings_of_the_docs()


def test_the_kubernetes_example_waits_for_its_secrets_and_is_complete_with_them():
    [secret] = (item["stringData"] for item in KUBERNETES if item["kind"] == "Secret")
    [settings] = (item["data"] for item in KUBERNETES if item["kind"] == "ConfigMap")
    told = {"DATABASE_URL": "postgresql://u:p@db/n", "REDIS_URL": "redis://:p@r/0", "STORAGE_URL": "s3://bucket/prefix"}

    assert set(secret.values()) == {""}
    with pytest.raises(ConfigError, match=r"\w+_URL is not set"):
        Config.from_env({**settings, **secret})
    config = Config.from_env({**settings, **secret, **told, "SECRET_KEY": "a" * 16})
    assert config.public_url
    assert {name for name in settings if name.startswith("CRASHQ_")} <= settings_of_the_docs()
    for container in containers():
        assert container["envFrom"] == [{"secretRef": {"name": "crashq"}}, {"configMapRef": {"name": "crashq"}}]


def settings_of_the_docs() -> set[str]:
    return set(re.findall(r"`(CRASHQ_\w+)", (ROOT / "docs/operations.md").read_text()))


def test_systemd_accepts_the_units(tmp_path):
    if not shutil.which("systemd-analyze"):
        missing("systemd-analyze", "Debian's package systemd has it")
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, "/bin/true"))

    told = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())], capture_output=True, text=True, timeout=60
    )

    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_the_unit_of_a_worker_frees_what_the_start_that_it_names_held():
    unit = (DEPLOY / "systemd/crashq-worker.service").read_text()

    assert f"ExecStart={PROGRAM} worker --name ${{INVOCATION_ID}}\n" in unit
    assert f"ExecStopPost=-{PROGRAM} worker-died ${{INVOCATION_ID}}" in unit


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.stem
)
def test_files_that_a_page_leads_to_are_there(page: Path):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
