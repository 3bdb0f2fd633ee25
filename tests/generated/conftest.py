"""One running service with two addresses, its own and one below a path, and a program's way to ask it."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.factories import kscrash
from tests.sentry_events import sentry_event
from tests.servers import free_port, missing
from tests.system.conftest import EMAIL, GRACE, PASSWORD, Operator, until

PROGRAMS = Path(__file__).parent / "programs"
MODULES = Path(os.environ.get("CRASHQ_GENERATED", Path(__file__).parents[2] / ".venv" / "generated")) / "node_modules"
PREFIX = "/crashes"
DOCUMENT = "/api/openapi.json"
OLDEST_NODE = (20, 19)  # that @hey-api/openapi-ts runs on
OCCURRENCES = 1_200  # more than a page of any list has unless it is told
HOOK = "https://1.1.1.1/crashq"  # of a public address; nothing is sent there

_numbers = count(1)


@dataclass(frozen=True)
class Place:
    """An address of the service, with or without a path."""

    document_url: str
    operator: Operator
    files: Path  # a log with many crashes and an envelope

    @property
    def document(self) -> dict[str, Any]:
        """openapi.json as the service has it here."""
        with urllib.request.urlopen(self.document_url, timeout=GRACE) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def for_program(self) -> dict[str, str]:
        """What a program has to know, with an app of its own."""
        added = self.operator.run("app", "add", f"Notes {next(_numbers)}", "--owner", EMAIL).stdout.splitlines()
        [server] = self.document["servers"]  # relative to the document, says OpenAPI
        return {
            "document": self.document_url, "base": urljoin(self.document_url, server["url"]).rstrip("/"),
            "app": added[0].partition(": ")[2], "email": EMAIL, "password": PASSWORD, "hook": HOOK,
            "log": str(self.files / "log.jsonl"), "envelope": str(self.files / "envelope"),
        }  # fmt: skip


EXPECTED = {
    "apps": True,
    "sent": ["many", "received"],
    "log": "digested",
    "crashes": [OCCURRENCES],
    "rows": OCCURRENCES,
    "report": "NSInvalidArgumentException",
    "event": json.loads(sentry_event("ada"))["event_id"],
    "hook": [HOOK, True, False, True],
    "hooks_left": 0,
    "missing": [404, "not_found"],
}
"""What each program prints."""


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The service's own address."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "log.jsonl").write_bytes(b"\n".join([kscrash()] * OCCURRENCES))
    event = sentry_event("ada")
    item = b'{"type":"event","length":%d}' % len(event)
    (folder / "envelope").write_bytes(b"\n".join([b'{"dsn":"$DSN"}', item, event, b""]))
    operator = Operator(folder / "data", {"CRASHQ_TRUSTED_PROXIES": "1"})
    operator.run("user", "add", EMAIL, stdin=f"{PASSWORD}\n")
    with operator.up() as (_, http):
        yield Place(f"{http.base}{DOCUMENT}", operator, folder)


@pytest.fixture(scope="session")
def below_a_path(root: Place) -> Iterator[Place]:
    """The address of an nginx before the service, with a path."""
    with _nginx(root.files, root.document_url.removesuffix(DOCUMENT)) as url:
        yield Place(f"{url}{DOCUMENT}", root.operator, root.files)


@pytest.fixture(params=["root", "below_a_path"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the two."""
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def modules() -> Path:
    """The folder of the packages from npm."""
    node = shutil.which("node")
    version = subprocess.check_output([node, "--version"], text=True).lstrip("v").split(".") if node else []
    if tuple(map(int, version[:2])) < OLDEST_NODE:
        missing("node 20.19 or newer", "Debian 13's package nodejs has it")
    if not MODULES.is_dir():
        missing("openapi-typescript", "make installs it where there is npm")
    return MODULES


def ran(command: Sequence[str | Path], folder: Path, **environ: str) -> str:
    """What a program prints that ends well, on both of its streams."""
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": paths, "NO_COLOR": "1", **environ}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=2 * GRACE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def printed(output: str) -> Any:
    """The JSON of a program's last line."""
    return json.loads(output.splitlines()[-1])


@contextmanager
def _nginx(folder: Path, base: str) -> Iterator[str]:
    """An nginx that takes a prefix off the path, as docs/operations.md says; gives its URL with the prefix."""
    program = shutil.which("nginx") or missing("nginx", "Debian's package nginx-light has it")
    port = free_port()
    (folder / "nginx.conf").write_text(f"""
        {"user root;" if os.geteuid() == 0 else ""}
        daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
            uwsgi_temp_path {folder}; scgi_temp_path {folder};
            server {{
                listen 127.0.0.1:{port};
                client_max_body_size 0;
                location {PREFIX}/ {{
                    proxy_pass {base}/;
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-Host $http_host;
                    proxy_set_header X-Forwarded-Proto $scheme;
                    proxy_set_header X-Forwarded-Prefix {PREFIX};
                }}
            }}
        }}""")
    running = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "e")])
    url = f"http://127.0.0.1:{port}{PREFIX}"
    try:
        until(lambda: _answers(f"{url}/healthz"), "nginx to listen")
        yield url
    finally:
        running.terminate()
        running.wait(10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=GRACE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
