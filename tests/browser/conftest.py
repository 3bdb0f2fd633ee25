"""One running service with a made-up app, one browser, and pages that are signed in."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app.cli.demo import Http
from app.cli.opening import opened
from app.identity import accounts
from tests.browser.chromium import Watched, chromium, watched
from tests.browser.seeding import sow
from tests.browser.story import logs
from tests.servers import missing
from tests.system.conftest import EMAIL, PASSWORD, Operator, log_in, until

MODULES = Path(os.environ.get("CRASHQ_BROWSER", Path(__file__).parents[2] / ".venv" / "browser")) / "node_modules"
LOGS, DAYS = 30, 40
MANY = 60_000  # occurrences of one crash: what is made of them takes seconds


@dataclass
class Console:
    """A running crashq with one user, an app with some crashes, and a crash with many occurrences."""

    operator: Operator
    http: Http
    app: str
    big_crash: str
    state: Any = None  # of a browser that is signed in

    @property
    def base(self) -> str:
        """Its address."""
        return self.http.base

    def crashes(self) -> list[dict[str, Any]]:
        """Those of the app, the most frequent first."""
        found = self.http.send("GET", f"/api/apps/{self.app}/crashes?sort=occurrences_count").json["result"]
        return [crash for crash in found if crash["identifier"] != self.big_crash]


def send_story(http: Http, app: str, number: int, days: int) -> None:
    """Upload the logs and wait until they are digested."""
    newest = datetime.now(UTC) - timedelta(minutes=10)
    for log_id, log in logs(number, newest, days):
        answer = http.send("POST", f"/api/apps/{app}/logs?log_id={log_id}", log)
        assert answer.status == 202, answer.body

    def counted() -> bool:
        crashes = http.send("GET", f"/api/apps/{app}/crashes").json["result"]
        return sum(crash["occurrences_count"] for crash in crashes) % MANY >= number

    until(counted, "the logs to be digested")


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    operator = Operator(tmp_path_factory.mktemp("browser") / "data", {"CRASHQ_WEBHOOKS_ALLOW": "127.0.0.1/32"})
    with opened(operator.data_dir) as services:
        accounts.create_user(services, EMAIL, PASSWORD)
        app, _ = accounts.create_app_for(services, "Larkspur", EMAIL)
        big = sow(services, app, MANY)
    with operator.up() as (_, http):
        log_in(http)
        send_story(http, app, LOGS, DAYS)
        yield Console(operator, http, app, big)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def signed_in(console: Console, browser: Browser) -> Any:
    """The cookies of a browser that has signed in by the form."""
    with watched(browser, console.base) as made:
        page = made.page()
        sign_in(page)
        return made.context.storage_state()


@pytest.fixture
def visit(console: Console, browser: Browser, signed_in: Any) -> Iterator[Callable[..., Watched]]:
    """Call it for a context that is signed in, with Playwright's options; checked for faults when the test ends."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(
            watched(browser, console.base, **{"storage_state": signed_in, **options})
        )


@pytest.fixture(scope="session")
def axe() -> Path:
    """The script that finds barriers in pages."""
    script = MODULES / "axe-core" / "axe.min.js"
    if not script.is_file():
        missing("axe-core", "make installs it where there is npm")
    return script


def sign_in(page: Page) -> None:
    """Sign in by the form, from the page that leads to it."""
    page.goto("/")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/apps")
