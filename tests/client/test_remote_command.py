"""`crashq remote` as people and scripts use it: what stands on which stream, and how it ends."""

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tests.client.conftest import TOKEN, Crashq, environ
from tests.scripted_server import Asked, Reply, ScriptedServer, envelope, refused, told
from tests.system.conftest import CRASHQ, GRACE, until

OCCURRENCE = {"id": "l-crash-1", "date": "2018-09-13", "log_id": "l"}
CRASH = {"identifier": "c" * 24, "title": "\x1b[2JBoom\tat\nx", "first_seen": "2018-09-13T08:02:53Z",
         "last_seen": "2018-09-14T08:02:53Z", "occurrences_count": 2}  # fmt: skip
CONTENT = bytes(range(256)) * 2_000


@pytest.fixture
def inside(server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command within this process, against the scripted server."""
    for name in [name for name in os.environ if name.startswith("CRASHQ_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("CRASHQ_REMOTE_URL", server.url)
    monkeypatch.setenv("CRASHQ_REMOTE_TOKEN", TOKEN)

    def run(*arguments: str, **more: str | None) -> Result:
        return CliRunner().invoke(main, ["remote", *arguments], env=more, catch_exceptions=False)

    return run


def job(state: str, done: int = 1) -> dict:
    nothing = dict.fromkeys(("started_at", "finished_at", "expires_at", "size"))
    failure = {"code": "malformed_log", "status": 422, "message": "The log cannot be read"}
    return {
        "job_id": "2eab310c430bf292171281ae", "kind": "occurrences", "question": {}, "state": state, "attempts": 1,
        "progress": {"done": done, "total": 2, "unit": "rows"}, "created_at": "2018-09-13T08:02:53Z", **nothing,
        "error": failure if state == "failed" else None,
    }  # fmt: skip


def report(server: ScriptedServer, content: bytes = CONTENT) -> dict:
    return {"url": f"{server.url}/api/downloads/signed", "filename": "l-crash-1.zip", "content_type": "application/zip",
            "size": len(content), "sha256": hashlib.sha256(content).hexdigest(),
            "expires_at": datetime(2030, 1, 1, tzinfo=UTC).isoformat()}  # fmt: skip


def test_ctrl_c_leaves_a_part_and_says_how_to_go_on(server: ScriptedServer, crashq: Crashq, home: Path, tmp_path: Path):
    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("/occurrences"):
            return envelope([OCCURRENCE])
        if asked.path.endswith("/export_occurrences"):
            return envelope(report(server))
        start = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"ETag": '"tag"', "Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"}
        if start:
            return Reply(206, headers, CONTENT[start:])
        return Reply(200, headers, CONTENT[:100_000], promised=len(CONTENT), after=process_is_over)

    def process_is_over() -> None:
        process.wait(GRACE)

    server.replies = [answer]
    signed_in = {"CRASHQ_REMOTE_URL": server.url, "CRASHQ_REMOTE_TOKEN": TOKEN}
    part = tmp_path / "l-crash-1.zip.part"
    command = [str(CRASHQ), "remote", "export", "c" * 24, "--into", str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environ(home, **signed_in)) as process:
        until(lambda: part.exists() and part.stat().st_size == 100_000, "the first bytes to be written")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=GRACE)

    again = crashq("export", "c" * 24, "--into", str(tmp_path), **signed_in)

    assert (process.returncode, stdout) == (130, "")
    assert "Interrupted. What has come so far is kept in a .part file: the same command goes on" in stderr
    assert "Traceback" not in stderr
    assert (again.returncode, again.stdout) == (0, f"{tmp_path / 'l-crash-1.zip'}\n")
    assert server.asked[-1].headers["range"] == "bytes=100000-"
    assert (tmp_path / "l-crash-1.zip").read_bytes() == CONTENT
    assert not part.exists()
    assert TOKEN not in stderr + again.stderr


@pytest.mark.parametrize(
    ("replies", "arguments", "code"),
    [
        ([told([])], ["apps"], 0),
        ([refused(422, "unprocessable", "The log cannot be read")], ["crash", "c" * 24], 1),
        ([refused(400, "bad_request", "sort is not one of these")], ["crashes", "a" * 24, "--sort", "x"], 2),
        ([told([])], ["crashes"], 2),
        ([told([])], ["crashes", "a" * 24, "--filter", "x"], 2),
        ([told([])], ["batch", "start"], 2),
        ([refused(401, "unauthorized", "Unknown token")], ["apps"], 3),
        ([told([])], ["apps", "--url", "http://192.0.2.1"], 3),
        ([refused(404, "not_found", "App not found")], ["crashes", "a" * 24], 4),
        ([refused(503, "unavailable", "Later", Retry_After="90")], ["apps"], 5),
        ([envelope([], loading=True, Retry_After="5")], ["occurrences", "c" * 24, "--timeout", "1"], 6),
        ([Reply(200, body=b"<html>")], ["apps"], 1),
        ([told(job("failed"))], ["jobs", "watch", "2eab310c430bf292171281ae"], 1),
    ],
)  # fmt: skip
def test_the_exit_code_tells_how_it_ended(server, inside, replies, arguments, code):
    server.replies = replies

    ended = inside(*arguments)

    assert ended.exit_code == code, ended.stderr
    assert bool(ended.stderr) == (code != 0)
    assert "Traceback" not in ended.stderr
    assert TOKEN not in ended.output


def test_a_server_that_is_away_is_exit_code_5_and_told_in_json_on_standard_error(server, inside):
    server.stop()

    ended = inside("apps", "--json", "--patience", "0")

    assert (ended.exit_code, ended.stdout) == (5, "")
    assert json.loads(ended.stderr) == {
        "error_message": "No connection to the server", "next": "Check the URL, and that the server is up.",
    }  # fmt: skip


def test_a_refusal_is_told_in_json_with_its_code(server, inside):
    server.replies = [refused(404, "not_found", "Job not found", X_Error_Code="job_not_found")]

    ended = inside("jobs", "show", "2eab310c430bf292171281ae", "--json")

    told_error = json.loads(ended.stderr)
    assert (told_error["status"], told_error["code"]) == (404, "job_not_found")
    assert (ended.exit_code, ended.stdout) == (4, "")


def test_on_a_terminal_progress_is_a_bar_that_leaves_nothing_behind(server, home, tmp_path):
    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("/occurrences"):
            return envelope([OCCURRENCE])
        if asked.path.endswith("/export_occurrences"):
            return envelope(report(server))
        return Reply(200, {"ETag": '"tag"'}, CONTENT)

    server.replies = [answer]
    terminal, end = os.openpty()
    command = [str(CRASHQ), "remote", "export", "c" * 24, "--into", str(tmp_path)]
    signed_in = {"CRASHQ_REMOTE_URL": server.url, "CRASHQ_REMOTE_TOKEN": TOKEN, "TERM": "xterm", "COLUMNS": "160"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=end, text=True, env=environ(home, **signed_in)
    ) as process:
        os.close(end)
        shown = b""
        with suppress(OSError):  # Linux ends a terminal that nobody writes to any more so
            while chunk := os.read(terminal, 65_536):
                shown += chunk
        os.close(terminal)
        stdout, _ = process.communicate(timeout=GRACE)

    assert (process.returncode, stdout) == (0, f"{tmp_path / 'l-crash-1.zip'}\n")
    assert "512.0 kB of 512.0 kB" in shown.decode()
    assert shown.decode().rstrip("\r\n").endswith(("\x1b[2K", "\x1b[?25h\r\x1b[1A\x1b[2K"))


def test_titles_of_crashed_apps_do_not_move_the_terminal_s_cursor(server, inside):
    server.replies = [told([CRASH])]

    lines = inside("crashes", "a" * 24).stdout
    as_json = inside("crashes", "a" * 24, "--json").stdout

    assert lines == f"{'c' * 24}\t2\t2018-09-13 08:02:53+00:00\t2018-09-14 08:02:53+00:00\t�[2JBoom at x\n"
    assert json.loads(as_json)["title"] == CRASH["title"]
    assert as_json.count("\n") == 1


def test_filters_and_pages_are_handed_to_the_server(server, inside):
    server.replies = [told([CRASH, CRASH, CRASH])]

    ended = inside(
        "crashes", "a" * 24, "--since", "2018-09-01", "--search", "Boom", "--filter", "order=asc", "--limit", "2"
    )

    assert len(ended.stdout.splitlines()) == 2
    assert server.asked[0].query == {"since_date": "2018-09-01", "search": "Boom", "order": "asc", "per_page": "2"}


def test_jobs_are_chosen_and_asked_anew(server, inside):
    server.replies = [told([job("failed")]), told(job("failed")), told(job("queued", 0))]

    listed = inside("jobs", "list", "--state", "failed", "--app", "a" * 24)
    shown = inside("jobs", "show", "2eab310c430bf292171281ae")
    anew = inside("jobs", "retry", "2eab310c430bf292171281ae")

    assert listed.stdout.split("\t")[:3] == ["2eab310c430bf292171281ae", "occurrences", "failed"]
    assert server.asked[0].query == {"state": "failed", "app_identifier": "a" * 24, "per_page": "100"}
    assert "failed\tThe log cannot be read\n" in shown.stdout
    assert anew.stdout == "2eab310c430bf292171281ae\n"
    assert (server.asked[2].method, server.asked[2].path) == ("POST", "/api/jobs/2eab310c430bf292171281ae/retry")


def test_a_job_is_watched_line_by_line(server, inside):
    server.replies = [
        told(job("queued", 0)),
        refused(404, "not_found", "No"),
        told(job("running")),
        told(job("finished", 2)),
    ]

    ended = inside("jobs", "watch", "2eab310c430bf292171281ae", "--json")

    assert [json.loads(line)["state"] for line in ended.stdout.splitlines()] == ["queued", "running", "finished"]
    assert ended.stderr.splitlines() == [
        "2eab310c430bf292171281ae: queued, 0 of 2 rows",
        "2eab310c430bf292171281ae: running, 1 of 2 rows",
        "2eab310c430bf292171281ae: finished, 2 of 2 rows",
    ]


def test_quiet_keeps_progress_off_both_streams(server, inside):
    server.replies = [told(job("finished", 2))]

    ended = inside("jobs", "watch", "2eab310c430bf292171281ae", "--json", "--quiet")

    assert (len(ended.stdout.splitlines()), ended.stderr) == (1, "")


def test_a_batch_is_begun_with_its_filters(server, inside):
    server.replies = [envelope(None, loading=True)]

    ended = inside(
        "batch", "start", "--app", "a" * 24, "--format", "csv", "--app-version", "1.2", "--app-version", "1.3"
    )

    assert ended.stdout == "2eab310c430bf292171281ae\n"
    assert server.asked[0].path == f"/api/apps/{'a' * 24}/exports"
    assert json.loads(server.asked[0].body) == {"format": "csv", "app_version": ["1.2", "1.3"]}


def test_a_folder_is_sent_file_by_file_and_what_is_not_taken_is_told(server, inside, tmp_path):
    folder = tmp_path / "crashes"
    folder.mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text(name)
    taken = {"log_id": "x", "status": "received"}
    server.replies = [told(taken), refused(413, "payload_too_large", "The log is larger than 5 bytes"), told(taken)]

    ended = inside("upload", "--app", "a" * 24, "--json", str(folder))

    outcomes = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one["status"] for one in outcomes] == ["received", "not sent", "received"]
    assert outcomes[1]["error_message"] == "The log is larger than 5 bytes"
    assert ended.exit_code == 1
    assert [asked.query["log_id"][:6] for asked in server.asked] == ["a-" + hashlib.sha256(b"a.txt").hexdigest()[:4],
        "b-" + hashlib.sha256(b"b.txt").hexdigest()[:4], "c-" + hashlib.sha256(b"c.txt").hexdigest()[:4]]  # fmt: skip


def test_a_file_of_tokens_that_others_may_read_is_not_used(inside, tmp_path):
    kept = tmp_path / "settings" / "crashq" / "remote.json"
    kept.parent.mkdir(parents=True)
    kept.write_text('{"latest":null,"servers":{}}')
    kept.chmod(0o644)

    ended = inside("apps", CRASHQ_REMOTE_TOKEN=None)

    assert ended.exit_code == 3
    assert "may be read by others" in ended.stderr
    assert "chmod 600" in ended.stderr


@pytest.mark.parametrize("content", ["", "[]", '{"servers":[]}', "\x00"])
def test_a_broken_file_of_tokens_is_told_of(inside, tmp_path, content):
    kept = tmp_path / "settings" / "crashq" / "remote.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(content)
    kept.chmod(0o600)

    ended = inside("apps", CRASHQ_REMOTE_TOKEN=None)

    assert (ended.exit_code, ended.stdout) == (3, "")
    assert "cannot be read" in ended.stderr


def test_without_any_login_it_is_told_how_to_get_one(inside):
    ended = inside("apps", CRASHQ_REMOTE_TOKEN=None, CRASHQ_REMOTE_URL=None)

    assert ended.exit_code == 3
    assert "crashq remote login" in ended.stderr
