"""One running service for all senders, and what a program that has only its DSN needs."""

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from app.cli.demo import Http
from tests.servers import missing
from tests.system.conftest import EMAIL, PASSWORD, Operator, finished, log_in, until

PROGRAMS = Path(__file__).parent / "programs"
MODULES = Path(os.environ.get("CRASHQ_SENDERS", Path(__file__).parents[2] / ".venv" / "senders")) / "node_modules"
GRACE = 60.0  # seconds for a program to end

CHROMIUM = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage")  # fmt: skip


@dataclass
class Receiver:
    """A running crashq with one user."""

    operator: Operator
    http: Http

    def new_app(self, name: str) -> tuple[str, str]:
        """An app's identifier and its DSN, as `crashq app add` prints it."""
        printed = self.operator.run("app", "add", name, "--owner", EMAIL).stdout.splitlines()
        lines = dict(line.split(": ", 1) for line in printed)
        return lines["app identifier"], lines["DSN"]

    def new_address(self, name: str) -> tuple[str, dict[str, str]]:
        """An app's identifier, and what a program is told that sends without a DSN: ADDRESS and KEY."""
        app, dsn = self.new_app(name)
        told = urlsplit(dsn)
        return app, {
            "ADDRESS": f"{told.scheme}://{told.netloc.partition('@')[2]}/api{told.path}",
            "KEY": str(told.username),
        }

    def report_of(self, app: str) -> dict[str, Any]:
        """Wait for the one crash of an app with its one occurrence; returns the report in JSON."""
        [crash] = until(lambda: self.http.send("GET", f"/api/apps/{app}/crashes").json["result"], "a crash")
        [row] = finished(self.http, f"/api/crashes/{crash['identifier']}/occurrences")
        export = finished(self.http, f"/api/crashes/{crash['identifier']}/export_occurrences?{urlencode(row)}")
        report: dict[str, Any] = json.loads(self.http.send("GET", export["url"]).body)
        return report


@pytest.fixture(scope="session")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    operator = Operator(tmp_path_factory.mktemp("senders") / "data")
    operator.run("user", "add", EMAIL, stdin=f"{PASSWORD}\n")
    with operator.up() as (_, http):
        operator.environ["CRASHQ_PUBLIC_URL"] = http.base
        log_in(http)
        yield Receiver(operator, http)


@pytest.fixture
def modules() -> Path:
    """The folder of the packages from npm."""
    if not shutil.which("node"):
        missing("node", "Debian's package nodejs has it")
    if not MODULES.is_dir():
        missing("@sentry/node", "make installs it where there is npm")
    return MODULES


@pytest.fixture
def pages(modules: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a web site with the programs and the packages: another origin than the service's."""
    (tmp_path / "node_modules").symlink_to(modules)
    for page in PROGRAMS.glob("*.html"):
        shutil.copy(page, tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def crashed(command: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    """What became of a program that ends by itself."""
    return subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=GRACE, check=False
    )


@contextmanager
def browsing(url: str, folder: Path) -> Iterator[None]:
    """Chromium, which has that page open within the block."""
    chromium = shutil.which("chromium") or missing("chromium", "Debian's package chromium has it")
    with (folder / "chromium.log").open("wb") as output:
        browser = subprocess.Popen(
            [chromium, *CHROMIUM, f"--user-data-dir={folder / 'profile'}", url],
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        try:
            yield
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, *_: object) -> None:
        """Say nothing."""
