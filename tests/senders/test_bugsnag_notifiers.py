"""Bugsnag's notifiers, told our address and key, tell of a session and of an unhandled error."""

import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

from tests.senders.conftest import PROGRAMS, Receiver, browsing, crashed
from tests.servers import missing


def test_an_error_in_python_becomes_an_occurrence(receiver: Receiver):
    if find_spec("bugsnag") is None:
        missing("bugsnag", "make installs it")
    app, told = receiver.new_address("Bugsnag Python")

    program = crashed([sys.executable, str(PROGRAMS / "bugsnag_notes.py")], **told)
    report = receiver.report_of(app)

    assert (program.returncode, "IndexError" in program.stderr, "failed" in program.stderr) == (1, True, False)
    assert report["app"]["version"] == "1.2"
    assert report["exceptions"][0]["type"] == "IndexError"
    assert report["exceptions"][0]["frames"][0]["function"] == "open_notebook"


def test_an_error_in_node_becomes_an_occurrence(receiver: Receiver, modules: Path):
    app, told = receiver.new_address("Bugsnag Node")

    program = crashed(["node", str(PROGRAMS / "bugsnag_notes.cjs")], **told, NODE_PATH=str(modules))
    report = receiver.report_of(app)

    assert (program.returncode, "TypeError" in program.stderr, "Bad statusCode" in program.stdout) == (1, True, False)
    assert report["exceptions"][0]["type"] == "TypeError"
    assert report["exceptions"][0]["frames"][0]["function"] == "openNotebook"


def test_an_error_in_a_browser_becomes_an_occurrence(receiver: Receiver, pages: str, tmp_path: Path):
    app, told = receiver.new_address("Bugsnag Browser")
    query = urlencode({name.lower(): value for name, value in told.items()})

    with browsing(f"{pages}/bugsnag_notes.html?{query}", tmp_path):
        report = receiver.report_of(app)

    assert report["exceptions"][0]["type"] == "TypeError"
    assert report["exceptions"][0]["frames"][0]["function"] == "openNotebook"
    assert (report["os"]["name"], "Chrome" in report["details"]["browser"]) == ("Linux", True)
