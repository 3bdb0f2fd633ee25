"""Programs that know only our DSN raise an unhandled error, and it becomes an occurrence with its report."""

import sys
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

from tests.senders.conftest import PROGRAMS, Receiver, browsing, crashed
from tests.system.conftest import finished, until


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


def test_sessions_of_the_python_sdk_become_the_crash_free_rates_of_a_release(receiver: Receiver):
    app, dsn = receiver.new_app("Sessions")

    program = crashed([sys.executable, str(PROGRAMS / "sessions.py")], DSN=dsn)
    assert (program.returncode, program.stdout) == (0, "lost\n"), program.stderr

    per_page = count(51)  # another question each time: a result answers for 30 s

    def counted() -> list[dict]:
        query = f"environment=production&per_page={next(per_page)}"
        found = finished(receiver.http, f"/api/apps/{app}/releases?{query}")
        return [one for one in found["releases"] if one["sessions"] == 6]

    [told] = until(counted, "the sessions to be counted")
    names = ("version", "sessions", "crashed_sessions", "session_users", "crash_free_users", "crash_free_sessions")
    assert tuple(told[name] for name in names) == ("2.4.0", 6, 2, 2, 0.5, 0.66666)


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
    assert (report["os"]["name"], "Chrome" in report["details"]["browser"]) == ("Linux", True)
