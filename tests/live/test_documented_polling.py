"""What docs/api.md shows of polling works as it stands there: with curl, and with JavaScript in node."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.factories import Member, make_crash
from tests.live.conftest import Web
from tests.servers import missing
from tests.system.conftest import GRACE, until

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()
PROGRAM = """
const { HOST, TOKEN, CRASH, JOB } = process.env;
const url = `${HOST}/api/crashes/${CRASH}/occurrences`;
const asked = ask(url, TOKEN);
const followed = follow(HOST, JOB, TOKEN, (event, job) => console.log(JSON.stringify([event, job.state])));
console.log(JSON.stringify(["ended", await followed, await asked, await ask(url, TOKEN)]));
console.log(JSON.stringify(["unknown", await follow(HOST, "0".repeat(24), TOKEN, () => {})]));
for (let other = 0; known.size < 100; other++) known.set(other, {});
await ask(url + "?page=1", TOKEN);
console.log(JSON.stringify(["kept", known.size, known.has(url + "?page=1"), known.has(url)]));
const refused = ask(`${HOST}/api/crashes/${"0".repeat(24)}/occurrences`, TOKEN);
await refused.catch(({ status, code, message }) => console.log(JSON.stringify([status, code, message])));
"""


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.partition("\n## Errors\n")[0], re.DOTALL)


@pytest.fixture
def reader(colleague, request) -> Member:
    return colleague(re.sub(r"\W+", "-", request.node.name))


@pytest.fixture
def environ(web: Web, reader: Member) -> dict[str, str]:
    """What the snippets are told: a job has been asked for, and waits for a worker."""
    crash = make_crash(web.services, reader.app)
    asked = web.client.get(f"/api/crashes/{crash.identifier}/occurrences", headers=reader.headers)
    job_id = asked.json["job_id"]
    return {**os.environ, "HOST": web.base, "TOKEN": reader.token, "CRASH": crash.identifier, "JOB": job_id}


def test_the_shell_polls_until_the_result_is_whole(web: Web, environ, tmp_path: Path):
    polling, following = snippets("sh")
    told_to = {"env": environ, "cwd": tmp_path}
    with subprocess.Popen(
        ["sh", "-ec", following], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **told_to
    ) as told:
        assert told.stdout
        first = next(line for line in told.stdout if line.startswith(b"event"))
        with subprocess.Popen(["sh", "-ec", polling], **told_to) as poller:
            body = tmp_path / "body"
            until(lambda: body.exists() and b"[true]" in body.read_bytes(), "the first poll")
            web.work()
            assert poller.wait(GRACE) == 0
        last = [line for line in told.stdout if line.startswith(b"event")][-1]

    assert len(json.loads(body.read_bytes())["result"]) == 3
    assert (first, last) == (b"event: progress\n", b"event: finished\n")


def test_javascript_follows_polls_and_asks_again_for_what_has_not_changed(web: Web, environ, tmp_path: Path):
    node = shutil.which("node") or missing("node", "Debian's package nodejs has it")
    program = tmp_path / "program.mjs"
    program.write_text("".join(snippets("js")) + PROGRAM)
    first_page = f"/api/crashes/{environ['CRASH']}/occurrences?page=1"
    web.client.get(first_page, headers={"Authorization": f"Token {environ['TOKEN']}"})

    with subprocess.Popen([node, program], env=environ, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        first = json.loads(running.stdout.readline())
        web.work()
        *_, finished, ended, unknown, kept, error = running.stdout.read().splitlines()

    assert (first, json.loads(finished)) == (["progress", "queued"], ["finished", "finished"])
    _, followed, asked, again = json.loads(ended)
    assert (followed, len(asked), again) == (True, 3, asked)
    assert json.loads(unknown) == ["unknown", False]
    assert json.loads(kept) == ["kept", 100, True, False]
    assert json.loads(error) == [404, "crash_not_found", "App Crash with identifier occurrences."]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"TOKEN": "wrong"}, '"status":"unauthorized"'),
        ({"CRASH": "0" * 24}, '"status":"not_found"'),
        ({"HOST": "http://127.0.0.1:1"}, "Failed to connect"),
    ],
    ids=["wrong token", "unknown crash", "server away"],
)
def test_the_shell_asks_once_and_fails_where_asking_again_does_not_help(environ, tmp_path: Path, changed, told):
    polling, _ = snippets("sh")
    curl = tmp_path / "curl"
    curl.write_text(f'#!/bin/sh\necho asked >> asked\nexec {shutil.which("curl")} "$@"\n')
    curl.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"

    ran = subprocess.run(
        ["sh", "-c", polling],
        env={**environ, **changed, "PATH": path},
        cwd=tmp_path,
        capture_output=True,
        timeout=GRACE,
    )

    body = tmp_path / "body"
    assert ran.returncode == 1
    assert (tmp_path / "asked").read_text() == "asked\n"
    assert told in ran.stderr.decode() + (body.read_text() if body.exists() else "")
