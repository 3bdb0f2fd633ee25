"""The client against the whole service as processes, also when these are killed."""

import base64
import hashlib
import json
import random
import re
import stat
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from app.client import BatchQuestion, Client, NotSignedIn, NotThere, Refused, Unreachable
from app.client.wire import Wire
from tests.client.conftest import Crashq, Service
from tests.factories import kscrash

NAMED = "2544355787-{}-logs-00003"
ROOT = Path(__file__).parents[2]
LARGE = 9_000_000  # bytes of a log, most of them of no pattern: its report takes a while to come over the wire


@pytest.fixture(scope="module")
def crash(service: Service) -> str:
    """A crash with three occurrences on three days."""
    with Client(service.url, service.key) as sender, service.signed_in() as afar:
        for day in range(3):
            log_id = NAMED.format(1536831773 + day * 86_400)
            sender.upload(service.app, kscrash(), log_id)
            state = afar.await_log(service.app, log_id)
    return state.occurrences[0].crash_identifier


@pytest.fixture
def signed_in(service: Service):
    with service.signed_in() as made:
        yield made


def test_what_is_there_is_told(service, signed_in, crash):
    apps = list(signed_in.apps())
    crashes = list(signed_in.crashes(service.app, sort="occurrences_count", since="2018-09-13", per_page=1))
    shown = signed_in.crash(crash)
    rows = list(signed_in.occurrences(crash))
    some = list(signed_in.occurrences(crash, since="2018-09-14", until="2018-09-14"))

    assert [(app.identifier, app.name) for app in apps] == [(service.app, "Notes")]
    assert crash in {one.identifier for one in crashes}
    assert (shown.app_identifier, shown.occurrences_count) == (service.app, 3)
    assert [str(row.date) for row in rows] == ["2018-09-15", "2018-09-14", "2018-09-13"]
    assert [row.id for row in some] == [rows[1].id]


def test_reports_come_in_every_format_whole(signed_in, crash, tmp_path):
    named = signed_in.find_occurrence(crash, NAMED.format(1536831773) + "-crash-1")

    newest = signed_in.report(crash, into=tmp_path)
    text = signed_in.report(crash, named, "txt", into=tmp_path / "report.txt")
    packed = signed_in.report(crash, named, "zip", into=tmp_path)

    assert json.loads(newest.read_bytes())["exceptions"][0]["type"] == "NSInvalidArgumentException"
    assert newest.name == NAMED.format(1536831773 + 2 * 86_400) + "-crash-1.json"
    assert "NSInvalidArgumentException" in text.read_text()
    assert zipfile.ZipFile(packed).testzip() is None


def test_a_batch_is_begun_followed_and_fetched(signed_in, crash, tmp_path):
    job_id = signed_in.start_batch(
        BatchQuestion("ndjson", since_date="2018-09-14", until_date="2018-09-20"), crash=crash
    )

    manifest = signed_in.follow_batch(job_id)
    _, paths = signed_in.download_batch(job_id, tmp_path)

    assert manifest.rows == 2
    rows = [json.loads(line) for line in paths[0].read_text().splitlines()]
    assert [row["date"] for row in rows] == ["2018-09-14", "2018-09-15"]
    assert json.loads(paths[-1].read_bytes())["rows"] == 2
    assert job_id in {job.job_id for job in signed_in.batches()}


def test_jobs_are_listed_followed_and_freed(signed_in, crash):
    job_id = signed_in.start_batch(BatchQuestion("csv"), crash=crash)

    followed = list(signed_in.follow(job_id))
    freed = signed_in.cancel(job_id)

    assert followed[-1].state == "finished"
    assert freed.state == "expired"
    assert signed_in.job(job_id).state == "expired"
    with pytest.raises(Refused) as caught:
        signed_in.follow_batch(job_id)
    assert caught.value.status == 410


def test_what_is_refused_is_told_by_kind(service, signed_in):
    with pytest.raises(NotThere):
        signed_in.crash("f" * 24)
    with pytest.raises(NotThere):
        list(signed_in.occurrences("f" * 24))
    with pytest.raises(NotSignedIn), Client(service.url, "no_such_token") as stranger:
        list(stranger.apps())
    with pytest.raises(NotSignedIn), Client(service.url) as stranger:
        stranger.login(service.email, "wrong")


def test_a_log_that_is_sent_again_with_other_bytes_is_a_conflict(service, signed_in):
    signed_in.upload(service.app, kscrash("first"), "the-same-name")

    with pytest.raises(Refused) as caught:
        signed_in.upload(service.app, kscrash("second"), "the-same-name")

    assert caught.value.status == 409


def test_symbols_are_sent_and_listed(service, signed_in, tmp_path):
    path = tmp_path / "mapping.txt"
    path.write_text("# compiler: R8\ncom.example.Notes -> a.a:\n    void open() -> b\n")

    added = signed_in.add_symbols(service.app, path, version="1.2")

    assert added.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert added.identifier in {file.identifier for file in signed_in.symbols(service.app)}


def test_a_download_outlives_a_server_that_is_killed_in_its_midst(service, tmp_path):
    retries, seen, killed = [], [], []
    noise = base64.b64encode(random.Random(11).randbytes(LARGE * 3 // 4)).decode()
    content = kscrash(frame="-[Large tapped:]", noise=noise)

    def tell(done: int, total: int) -> None:
        seen.append(done)
        if not killed:
            killed.append(service.kill_web())

    with service.signed_in(on_trouble=lambda problem, _: retries.append(problem)) as afar:
        afar.upload(service.app, content, "a-large-log")
        crash = afar.await_log(service.app, "a-large-log").occurrences[0].crash_identifier
        path = afar.report(crash, report_format="zip", into=tmp_path, on_bytes=tell)
        promised = afar.report_file(crash, afar.find_occurrence(crash), "zip")

    assert killed[0] >= 2
    assert retries
    assert all(isinstance(problem, Unreachable) for problem in retries)
    assert seen == sorted(seen)  # never from the start again
    assert hashlib.sha256(path.read_bytes()).hexdigest() == promised.sha256
    assert path.stat().st_size > LARGE // 2
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_the_sample_of_the_docs_does_what_it_says(service, crash, tmp_path, capsys):
    [sample] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "cli.md").read_text(), re.DOTALL)
    names = {"url": service.url, "email": service.email, "password": service.password, "app": service.app}

    exec(sample, done := {**names, "folder": tmp_path})  # noqa: S102  our own

    assert done["path"].read_text()
    assert [path.is_file() for path in done["files"]] == [True] * len(done["manifest"].parts) + [True]
    assert "App Crash" in capsys.readouterr().out


def test_from_login_to_a_report_on_the_disk(
    service: Service, crashq: Crashq, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = tmp_path / "logs" / "crash.json"
    log.parent.mkdir()
    log.write_bytes(kscrash(frame="-[Remote tapped:]"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))

    def inside(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["remote", *arguments], catch_exceptions=False)

    login = crashq("login", service.email, "--url", service.url, "--json", stdin=f"{service.password}\n")
    apps = inside("apps", "--json")
    upload = crashq("upload", "--app", service.app, "--wait", "--json", str(log.parent))
    [sent] = [json.loads(line) for line in upload.stdout.splitlines()]
    [crash] = sent["occurrences"]
    occurrences = inside("occurrences", crash)
    export = crashq("export", crash, "--into", str(tmp_path), "--json")
    logout = inside("logout")
    afterwards = inside("apps")

    kept = home / "crashq" / "remote.json"
    assert json.loads(login.stdout)["url"] == service.url
    assert [json.loads(line)["identifier"] for line in apps.stdout.splitlines()] == [service.app]
    assert (upload.returncode, sent["status"]) == (0, "digested")
    assert occurrences.stdout.splitlines()[0].split("\t")[0] == f"{sent['log_id']}-crash-1"
    written = json.loads(export.stdout)
    assert hashlib.sha256(Path(written["path"]).read_bytes()).hexdigest() == written["sha256"]
    assert f"of {written['size'] / 1_000:.1f} kB" in export.stderr
    assert "\x1b" not in export.stderr
    assert logout.stdout == f"logged out of {service.url}\n"
    assert (afterwards.exit_code, afterwards.stdout) == (3, "")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text())["servers"] == {}


def test_the_events_of_a_job_are_what_a_follower_is_told(signed_in, crash, monkeypatch):
    asked = []
    opened = Wire.opened

    def noted(wire, request, patience):
        asked.append(request.path)
        return opened(wire, request, patience)

    monkeypatch.setattr(Wire, "opened", noted)
    job_id = signed_in.start_batch(BatchQuestion("parquet", until_date="2018-09-15"), crash=crash)

    followed = list(signed_in.follow(job_id))

    assert followed[-1].state == "finished"
    assert (f"/api/jobs/{job_id}/events" in asked) == followed[0].is_live
    assert asked.count(f"/api/jobs/{job_id}") == 1  # its events told the rest
