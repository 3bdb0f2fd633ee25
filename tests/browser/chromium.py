"""Debian's Chromium, driven by Playwright; pages that tell what they must not do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from tests.servers import missing

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync", "--disable-dev-shm-usage",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip
PATIENCE = 20_000  # milliseconds for anything that a page is to show
expect.set_options(timeout=PATIENCE)
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}

TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window; ends the test where there is none."""
    program = shutil.which("chromium") or missing("chromium", "Debian's package chromium has it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A context whose pages may ask one host only, and which keeps what went wrong in them."""

    context: BrowserContext
    host: str
    expected: list[str] = field(default_factory=list)  # parts of messages that a test means to provoke
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(TELL_VIOLATIONS)
        self.context.on("request", self._requested)
        self.context.on("response", self._answered)
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))

    def page(self) -> Page:
        """A new page."""
        return self.context.new_page()

    def problems(self) -> list[str]:
        """What went wrong and was not expected."""
        return [fault for fault in self.faults if not any(part in fault for part in self.expected)]

    def _requested(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self.host:
            self.faults.append(f"asked another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.status}: {response.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")


WAITING = "[data-follow]:not(:has(.flash)), [data-live]:not([hidden]):not(:has(.flash))"
"""What a page marks while a job is at work for it; in the end there is the result, or a word that says why not."""


def wait_until_idle(page: Page) -> None:
    """Wait until nothing on the page waits for a job."""
    page.wait_for_function("(waiting) => !document.querySelector(waiting)", arg=WAITING)


@contextmanager
def watched(browser: Browser, base: str, **options: Any) -> Iterator[Watched]:
    """A fresh context at that address; fails when anything went wrong in it."""
    context = browser.new_context(base_url=base, **{"viewport": WIDE, "locale": "en-GB", **options})
    try:
        made = Watched(context, urlsplit(base).netloc)
        yield made
        if problems := made.problems():
            pytest.fail("\n".join(problems))
    finally:
        context.close()
