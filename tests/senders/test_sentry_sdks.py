"""Programs that know only our DSN raise an unhandled error, and it becomes an occurrence with its report."""

import sys
from pathlib import Path
from urllib.parse import urlencode

from tests.senders.conftest import PROGRAMS, Receiver, browsing, crashed


def test_an_error_in_python_becomes_an_occurrence(receiver: Receiver):
    app, dsn = receiver.new_app("Python")

    program = crashed([sys.executable, str(PROGRAMS / "notes.py")], DSN=dsn)
    report = receiver.report_of(app)

    assert (program.returncode, "IndexError" in program.stderr) == (1, True)
    assert report["exceptions"][0]["type"] == "IndexError"
    assert report["exceptions"][0]["frames"][0]["function"] == "open_notebook"


def test_an_sdk_holds_back_when_its_app_may_send_no_more(receiver: Receiver):
    app, dsn = receiver.new_app("Loop")
    receiver.http.send("PATCH", f"/api/apps/{app}/settings", b'{"logs_per_minute":1}')

    program = crashed([sys.executable, str(PROGRAMS / "many_notes.py")], DSN=dsn)

    assert program.stdout.split() == ["True", "False", "False"]  # the second is refused, the third is not sent
    assert receiver.report_of(app)["exceptions"][0]["message"] == "a note was lost, 0"


def test_an_error_in_node_becomes_an_occurrence(receiver: Receiver, modules: Path):
    app, dsn = receiver.new_app("Node")

    program = crashed(["node", str(PROGRAMS / "notes.cjs")], DSN=dsn, NODE_PATH=str(modules))
    report = receiver.report_of(app)

    assert (program.returncode, "TypeError" in program.stderr) == (1, True)
    assert report["exceptions"][0]["type"] == "TypeError"
    assert report["exceptions"][0]["frames"][0]["function"] == "openNotebook"


def test_an_error_in_a_browser_becomes_an_occurrence(receiver: Receiver, pages: str, tmp_path: Path):
    app, dsn = receiver.new_app("Browser")

    with browsing(f"{pages}/notes.html?{urlencode({'dsn': dsn})}", tmp_path):
        report = receiver.report_of(app)

    assert report["exceptions"][0]["type"] == "TypeError"
    assert report["exceptions"][0]["frames"][0]["function"] == "openNotebook"
