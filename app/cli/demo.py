"""`crashq demo`: the main job, shown for real over HTTP on a service of its own, every answer held against the contract."""

import hashlib
import json
import os
import secrets
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
from rich.console import Console
from rich.markup import escape

from app.cli import main
from app.cli.opening import opened
from app.cli.up import end_by_signals, running
from app.cli.up import stay as stay_up
from app.errors import AppError
from app.identity import accounts
from app.ingest.sample_crash import PLATFORMS, sample_crash
from app.samples import FOLDER, samples

TIMEOUT = 40  # seconds; above the longest wait that a request may ask for
STORAGE_SETTINGS = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "SECRET_KEY", "PORT", "WEB_CONCURRENCY")
EMAIL = "demo@example.com"
DIGEST_GRACE = 30.0  # seconds
MAX_POLLS = 100
RETURNS = 3  # times that one crash comes again
SHOWN_LINES = 48  # of the report

DAYS = 10


@dataclass(frozen=True)
class HttpAnswer:
    """What came back."""

    status: int
    headers: Message
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Http:
    """Sends requests to one server, with a token once there is one."""

    base: str
    token: str | None = None

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> HttpAnswer:
        """Send one request; an error status is an answer like any other."""
        url = path if path.startswith("http") else self.base + path
        request = urllib.request.Request(url, data=body, method=method)  # noqa: S310  the demo's own server
        if self.token and url.startswith(self.base + "/api/"):
            request.add_header("Authorization", f"Token {self.token}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        started = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
                return HttpAnswer(response.status, response.headers, response.read(), time.monotonic() - started)
        except urllib.error.HTTPError as error:
            return HttpAnswer(error.code, error.headers, error.read(), time.monotonic() - started)


class ContractBroken(AppError):
    """An answer was not what the contract says."""


class Demo:
    """Tells and checks one step after the other."""

    def __init__(self, http: Http, console: Console) -> None:
        self.http = http
        self.console = console
        self.checks = 0

    def step(self, title: str) -> None:
        """Head the next few lines."""
        self.console.print(f"\n[bold]{title}[/bold]")

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, status: int = 200, **headers: str
    ) -> HttpAnswer:
        """Send a request, print both sides of it, and hold the status against the contract."""
        answer = self.http.send(method, path, body, **headers)
        shown = path.removeprefix(self.http.base)
        self.console.print(f"  [cyan]{method}[/cyan] {escape(_short(shown, 110))}")
        shown_headers = [
            f"{name}: {answer.headers[name]}" for name in ("X-Progress", "Retry-After") if answer.headers[name]
        ]
        text = _short(_body_text(answer), 150)
        self.console.print(
            f"  [dim]{answer.status} in {answer.seconds * 1000:.0f} ms {' '.join(shown_headers)}[/dim]  {escape(text)}"
        )
        self.check(answer.status == status, f"{method} {shown} answers {status}")
        return answer

    def check(self, holds: bool, what: str) -> None:
        """Stop the demo at the first thing that is not as promised."""
        if not holds:
            raise ContractBroken(f"The contract is broken: {what}")
        self.checks += 1

    def poll(self, path: str) -> Any:
        """Repeat one GET until `loading` is [false]; returns the result."""
        seen: set[str] = set()
        for _ in range(MAX_POLLS):
            answer = self.ask("GET", path)
            envelope = answer.json
            self.check(
                list(envelope) == ["loading", "job_id", "success", "result"], "the envelope has its four keys, in order"
            )
            self.check(envelope["loading"] in ([True], [False]), "loading is a list of one boolean")
            seen.add(envelope["job_id"])
            self.check(len(seen) == 1, "every poll of one request names the same job")
            if envelope["loading"] == [False]:
                return envelope["result"]
            time.sleep(min(float(answer.headers["Retry-After"]), 0.3))
        raise ContractBroken("The job did not finish")


@main.command()
@click.option("--stay", is_flag=True, help="Leave the service up with its data to look at, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port to listen on. [default: a free one]")
def demo(stay: bool, port: int) -> None:
    """Show the whole service at work: logs in, occurrences and a report out, as jobs."""
    for name in [name for name in os.environ if name.startswith("CRASHQ_") or name in STORAGE_SETTINGS]:
        del os.environ[name]  # the demo never touches a deployment's data
    started = time.monotonic()
    console = Console(highlight=False, soft_wrap=True)
    password = secrets.token_urlsafe(12)
    ending = end_by_signals()
    with suppress(KeyboardInterrupt), tempfile.TemporaryDirectory(prefix="crashq-demo-") as folder:
        console.print("[bold]crashq demo[/bold]: web, worker, beat and broker start in a temporary folder…")
        with running(Path(folder), "127.0.0.1", port, Console(stderr=True)) as service:
            with opened(Path(folder)) as services:
                accounts.create_user(services, EMAIL, password)
                identifier, key = accounts.create_app_for(services, "Notes (a made-up app)", EMAIL)
            console.print(f"It is up at {service.url} after {time.monotonic() - started:.1f} s.")
            show = Demo(Http(service.url), console)
            try:
                _tell(show, identifier, key, password)
            except ContractBroken as error:
                console.print(f"\n[bold red]{escape(error.message)}[/bold red]")
                sys.exit(1)
            if stay:
                _fill(show, Path(folder))
                console.print(f"\n[bold]The demo stays up[/bold]: sign in at {service.url}")
                console.print(f"E-mail {EMAIL}, password {password}. Ctrl-C ends it and deletes its data.")
                stay_up(service, Path(folder), Console(stderr=True), ending)
    if ending.is_asked:
        console.print("The demo has stopped; its data is deleted.")
        return
    seconds = time.monotonic() - started
    console.print(f"\n[bold green]All {show.checks} checks of the contract hold.[/bold green] {seconds:.1f} s in all.")
    console.print("Look at its data: [bold]crashq demo --stay[/bold].")
    console.print("Next: [bold]make up[/bold] starts it to stay; README.md tells how to send your own logs.")


def _fill(show: Demo, folder: Path) -> None:
    """One more app, with crashes of the last days."""
    with opened(folder) as services:
        identifier, key = accounts.create_app_for(services, "Shop (a made-up app)", EMAIL)
    show.http.token = key
    for log_id, content in recent_crashes(datetime.now(UTC)):
        answer = show.http.send("POST", f"/api/apps/{identifier}/logs?log_id={log_id}", content)
        show.check(answer.status == 202, "an upload is received")


def _tell(show: Demo, identifier: str, key: str, password: str) -> None:
    show.step("1. Log in")
    answer = show.ask("POST", "/api/login", json.dumps({"email": EMAIL, "password": password}).encode())
    show.check(list(answer.json) == ["success", "result"], "login answers success and result")
    token = answer.json["result"]["auth_token"]

    show.step("2. Send crash logs, as an app would, with its ingest key: stored at once, digested by a worker")
    show.http.token = key
    names = {sample: f"demo-{number:02d}" for number, sample in enumerate(samples(), 1)}
    for sample, log_id in names.items():
        _send(show, identifier, log_id, sample)
    returns = [f"2544355787-{1536831773 - day * 86_400}-logs-{day:05d}" for day in range(1, RETURNS + 1)]
    for log_id in returns:  # one crash on more days, in logs named as the vendor names them
        _send(show, identifier, log_id, next(iter(names)))
    show.http.token = token
    sent = _await_digestion(show, identifier, [*names.values(), *returns])

    show.step("3. Crashes of the app: the occurrences that share a fingerprint")
    crashes = show.ask("GET", f"/api/apps/{identifier}/crashes?sort=occurrences_count").json["result"]
    for crash in crashes:
        line = f"{crash['identifier']}  {crash['occurrences_count']} ×  last seen {crash['last_seen'][:10]}"
        show.console.print(f"    {line}  {escape(_short(crash['title'], 70))}")
    show.check(sum(crash["occurrences_count"] for crash in crashes) == sent, "every log sent is counted once")
    show.check(crashes[0]["occurrences_count"] > RETURNS, "the same crash in several logs is one group")

    show.step("4. Occurrences of a crash: the same GET starts the job, polls it and returns the list")
    path = f"/api/crashes/{crashes[0]['identifier']}/occurrences"
    occurrences = show.poll(path)
    show.check(len(occurrences) == crashes[0]["occurrences_count"], "the list is whole")
    show.check(all(list(row) == ["id", "date", "log_id"] for row in occurrences), "rows are id, date, log_id")
    show.check(
        [row["date"] for row in occurrences] == sorted((row["date"] for row in occurrences), reverse=True),
        "newest first",
    )

    show.step("5. Export the report of one occurrence, and download it")
    one = occurrences[-1]
    export = f"/api/crashes/{crashes[0]['identifier']}/export_occurrences?{urlencode(one)}"
    for kind in ("json", "html", "zip", "txt"):
        result = show.poll(f"{export}&format={kind}")
        report = show.ask("GET", result["url"])
        show.check(hashlib.sha256(report.body).hexdigest() == result["sha256"], "the bytes have the SHA-256 promised")
        show.check(len(report.body) == result["size"], "and the size")
    lines = report.body.decode().splitlines()
    for line in lines[:SHOWN_LINES]:
        show.console.print(f"    {escape(_short(line, 120))}")
    show.console.print(f"    [dim]… {len(lines)} lines in all[/dim]")

    show.step("6. Mistakes get one shape of answer")
    show.ask("GET", "/api/crashes/ffffffffffffffffffffffff/occurrences", status=404)
    show.ask("GET", export.partition("?")[0], status=400)
    show.http.token = None
    show.ask("GET", path, status=401)


def _send(show: Demo, identifier: str, log_id: str, path: Path) -> None:
    show.console.print(f"  [dim]{path.relative_to(FOLDER)}[/dim]")
    answer = show.ask("POST", f"/api/apps/{identifier}/logs?log_id={log_id}", path.read_bytes(), status=202)
    show.check(
        answer.json == {"success": True, "result": {"log_id": log_id, "status": "received"}}, "an upload is received"
    )


def _await_digestion(show: Demo, identifier: str, log_ids: list[str]) -> int:
    """Wait for the samples; returns how many occurrences are in them."""
    found = 0
    deadline = time.monotonic() + DIGEST_GRACE
    for log_id in log_ids:
        while True:
            state = show.http.send("GET", f"/api/apps/{identifier}/logs/{log_id}").json["result"]
            if state["status"] != "received" or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        show.check(state["status"] == "digested" and state["occurrences"], f"{log_id} becomes an occurrence")
        found += len(state["occurrences"])
    show.console.print(f"  [green]all {len(log_ids)} logs are digested[/green]")
    return found


def _body_text(answer: HttpAnswer) -> str:
    """A JSON body as it is; of any other what and how much it is."""
    kind = answer.headers.get_content_type()
    return (
        answer.body.decode()
        if kind == "application/json" and len(answer.body) < 10_000
        else f"{kind}, {len(answer.body):,} bytes"
    )


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def recent_crashes(now: datetime) -> Iterator[tuple[str, bytes]]:
    """Names and contents of logs, more of some platforms than of others, by several users."""
    for order, platform in enumerate(PLATFORMS):
        number = 2 * (len(PLATFORMS) - order)
        for at in range(number):
            day = timedelta(days=at * DAYS / number, minutes=5)
            yield sample_crash(platform, now - day, f"user-{at % (order + 3)}")
