"""What the pages of docs/senders say to try is run, and becomes a crash."""

import re
from pathlib import Path

import pytest

from tests.senders.conftest import Receiver, crashed
from tests.system.conftest import until

DOCS = Path(__file__).parents[2] / "docs" / "senders"
TITLES = {
    "android": "IllegalStateException: closed in Notebook.page",
    "backend": "KeyError: a first error",
    "bugsnag": "IndexError: a first event",
    "kscrash": "SIGSEGV",
    "opentelemetry": "IllegalStateException: closed in Notebook.page",
    "unreal": "Assert: Pages > 0",
}
_TRY = re.compile(r"^## Try it$.*?^```sh\n(?P<command>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_page_of_a_sender_has_something_to_try():
    assert {page.stem for page in DOCS.glob("*.md") if _TRY.search(page.read_text())} == TITLES.keys()


@pytest.mark.parametrize("page", TITLES)
def test_what_a_page_says_to_try_becomes_a_crash(receiver: Receiver, tmp_path: Path, page: str):
    command = _TRY.search((DOCS / f"{page}.md").read_text())
    app, told = receiver.new_address(f"The page {page}")
    assert command

    ran = crashed(["sh", "-e", "-c", f"cd {tmp_path}\n{command['command']}"], **told)
    [crash] = until(lambda: receiver.http.send("GET", f"/api/apps/{app}/crashes").json["result"], "a crash")

    assert (ran.returncode, crash["title"]) == (0, TITLES[page])
