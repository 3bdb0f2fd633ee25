"""`Client`: one account on one server, for programs."""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from app.client import batches, following, polling, questions, rows
from app.client.batches import OnFile
from app.client.download import OnBytes, fetch, safe_name
from app.client.errors import BadAnswer, NotSignedIn, NotThere
from app.client.models import (
    App,
    Crash,
    CrashSummary,
    Job,
    LogState,
    Manifest,
    Occurrence,
    ReceivedLog,
    RemoteFile,
    Symbols,
    read,
)
from app.client.pages import pages
from app.client.patience import Clock, Limits, RetryCallback, SystemClock
from app.client.polling import OnProgress
from app.client.questions import BatchQuestion, When, iso_text, part, set_only
from app.client.releases import ReleaseCalls
from app.client.rows import OnFirstRows
from app.client.target import read_base
from app.client.triage import TriageCalls
from app.client.wire import Request, Wire

PACKED_FROM = 1_024  # bytes of a log; smaller ones gain nothing


def _ignore(*_: Any) -> None:
    """Tell nobody."""


class Client(ReleaseCalls, TriageCalls):
    """Speaks to the server at `url` with a token, or without one until `login`. Every method may raise ClientError.

    Requests that are safe to repeat are repeated while the server is away or busy, as `limits` says.
    `on_trouble` is called before each retry.
    A client is not for several threads at once.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        insecure: bool = False,
        limits: Limits = Limits(),  # noqa: B008  frozen
        on_trouble: RetryCallback = _ignore,
        clock: Clock | None = None,
    ) -> None:
        """Raises NotAllowed when a token would go over plain http to another machine, unless `insecure`."""
        self._wire = Wire(
            read_base(url, insecure=insecure), token, insecure, limits, clock or SystemClock(), on_trouble
        )

    def __enter__(self) -> Self:
        """The client."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    @property
    def url(self) -> str:
        """Of the server, without a slash at its end."""
        return self._wire.base

    def login(self, email: str, password: str) -> str:
        """Log in and return the token, which this client uses from now on. Never repeated by itself."""
        body = json.dumps({"email": email, "password": password}).encode()
        self._wire.token = None
        result = self._wire.call(
            Request(
                "POST",
                "/api/login",
                headers={"Content-Type": "application/json"},
                body=body,
                is_safe_to_repeat=False,
            )
        ).result
        token = result.get("auth_token") if isinstance(result, dict) else None
        if not isinstance(token, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,500}", token):
            raise BadAnswer("The server's answer to a login is not that of crashq", "Check the URL")
        self._wire.token = token
        return token

    def logout(self) -> None:
        """End the token; one that has ended already is as good."""
        with suppress(NotSignedIn):
            self._wire.call(Request("DELETE", "/api/login"))
        self._wire.token = None

    def apps(self) -> Iterator[App]:
        """The apps of the account, by name."""
        return pages(self._wire, App, "/api/apps", {})

    def crashes(
        self,
        app: str,
        *,
        since: When | None = None,
        until: When | None = None,
        sort: str | None = None,
        filters: Mapping[str, str] | None = None,
        per_page: int | None = None,
    ) -> Iterator[CrashSummary]:
        """The crashes of an app, fetched page by page as they are taken. `filters` are more of the server's parameters."""
        asked = {
            **(filters or {}),
            "since_date": iso_text(since),
            "until_date": iso_text(until),
            "sort": sort,
            "per_page": per_page,
        }
        return pages(self._wire, CrashSummary, f"/api/apps/{part(app)}/crashes", set_only(asked))

    def crash(self, crash: str) -> Crash:
        """One crash."""
        return read(Crash, self._get(f"/api/crashes/{part(crash)}"))

    def occurrences(
        self,
        crash: str,
        *,
        since: When | None = None,
        until: When | None = None,
        page: int | None = None,
        per_page: int | None = None,
        on_progress: OnProgress = _ignore,
        on_first_rows: OnFirstRows = _ignore,
    ) -> Iterator[Occurrence]:
        """The occurrences of a crash, newest first, as they come over the wire: the list is never whole in memory.

        While the server makes the list, `on_progress` gets the progress, and `on_first_rows` the newest rows known so far.
        """
        request = questions.occurrence_list(crash, since, until, page, per_page)
        return rows.stream(self._wire, request, on_progress, on_first_rows)

    def find_occurrence(self, crash: str, occurrence_id: str | None = None, day: date | None = None) -> Occurrence:
        """An occurrence by its id (reads the list until it comes, unless its UTC day is given); without one the newest."""
        if occurrence_id is None:
            newest = next(self.occurrences(crash, page=1, per_page=1), None)
            if newest is None:
                raise NotThere(404, "The crash has no occurrence")
            return newest
        log_id = occurrence_id.rpartition("-crash-")[0]
        if day is not None and log_id:
            return Occurrence(id=occurrence_id, date=day, log_id=log_id)
        for row in self.occurrences(crash):
            if row.id == occurrence_id:
                return row
        raise NotThere(404, "Occurrence not found")

    def report_file(
        self, crash: str, occurrence: Occurrence, report_format: str = "json", on_progress: OnProgress = _ignore
    ) -> RemoteFile:
        """Have the report of an occurrence made; where it can be had. `report_format`: json, txt, html or zip."""
        request = questions.report(crash, occurrence, report_format)
        envelope = polling.finished(self._wire, request, on_progress, self._wire.patience())
        return read(RemoteFile, envelope.result)

    def report(
        self,
        crash: str,
        occurrence: Occurrence | None = None,
        report_format: str = "json",
        *,
        into: Path,
        on_progress: OnProgress = _ignore,
        on_bytes: OnBytes = _ignore,
    ) -> Path:
        """Have the report of an occurrence (None: the newest) made and download it.

        `into` is a folder, in which the server names the file, or the path of the file.
        """
        chosen = occurrence or self.find_occurrence(crash)
        file = self.report_file(crash, chosen, report_format, on_progress)
        target = into / safe_name(file.filename) if into.is_dir() else into
        return self.download(file, target, lambda: self.report_file(crash, chosen, report_format), on_bytes)

    def download(
        self,
        file: RemoteFile,
        target: Path,
        renew: Callable[[], RemoteFile] | None = None,
        on_bytes: OnBytes = _ignore,
    ) -> Path:
        """Fetch a file into `<target>.part`, going on where an earlier call was cut off; check its SHA-256; then rename it."""
        return fetch(self._wire, file, target, renew or (lambda: file), on_bytes, self._wire.patience())

    def start_batch(self, question: BatchQuestion, *, crash: str | None = None, app: str | None = None) -> str:
        """Begin a batch of a crash or of an app, or join the one under way; returns its job's id."""
        return polling.ask(self._wire, questions.batch(question, crash=crash, app=app)).job_id

    def batches(self) -> Iterator[Job]:
        """The batches that the account has asked for, newest first."""
        return (job for job in self.jobs() if job.kind in questions.BATCH_KINDS)

    def follow_batch(self, job_id: str, on_progress: OnProgress = _ignore) -> Manifest:
        """Wait for a batch; its manifest."""
        patience = self._wire.patience()
        request = questions.batch_of(following.show(self._wire, job_id, patience))
        return batches.manifest(self._wire, request, on_progress, patience)

    def download_batch(
        self,
        job_id: str,
        into: Path,
        on_progress: OnProgress = _ignore,
        on_file: OnFile = lambda path, number, total: _ignore,  # noqa: ARG005
    ) -> tuple[Manifest, list[Path]]:
        """Wait for a batch and fetch all its parts and, last, its manifest into a folder; repeating it goes on."""
        patience = self._wire.patience()
        request = questions.batch_of(following.show(self._wire, job_id, patience))
        return batches.fetch_all(self._wire, request, into, on_progress, on_file, patience)

    def jobs(self, *, state: str | None = None, app: str | None = None) -> Iterator[Job]:
        """The jobs that the account has asked for, newest first, fetched page by page as they are taken.

        `state` is that of a job, or `live`; `app` an app's identifier.
        """
        query = set_only({"state": state, "app_identifier": app, "per_page": 100})
        return pages(self._wire, Job, "/api/jobs", query)

    def job(self, job_id: str) -> Job:
        """One job."""
        return following.show(self._wire, job_id, self._wire.patience())

    def cancel(self, job_id: str) -> Job:
        """Cancel a live job, or free the files of a finished one; as it is afterwards."""
        return read(Job, self._wire.call(Request("DELETE", f"/api/jobs/{part(job_id)}")).result)

    def retry(self, job_id: str) -> Job:
        """Ask anew what a failed, cancelled or expired job was asked; the new job. Never repeated by itself."""
        request = Request("POST", f"/api/jobs/{part(job_id)}/retry", is_safe_to_repeat=False)
        return read(Job, self._wire.call(request).result)

    def follow(self, job_id: str) -> Iterator[Job]:
        """The job now, then whenever it has changed, until it is over."""
        return following.follow(self._wire, job_id, self._wire.patience())

    def upload(self, app: str, content: bytes, log_id: str | None = None) -> ReceivedLog:
        """Store one log. With a `log_id` it is safe to repeat, and is; without one the server makes a name each time."""
        headers = {"Content-Type": "application/octet-stream"}
        if len(content) >= PACKED_FROM:
            content, headers["Content-Encoding"] = gzip.compress(content, compresslevel=6, mtime=0), "gzip"
        path, query = f"/api/apps/{part(app)}/logs", set_only({"log_id": log_id})
        request = Request("POST", path, query, headers, content, is_safe_to_repeat=log_id is not None)
        return read(ReceivedLog, self._wire.call(request).result)

    def log(self, app: str, log_id: str) -> LogState:
        """What became of a log."""
        return read(LogState, self._get(f"/api/apps/{part(app)}/logs/{part(log_id)}"))

    def await_log(self, app: str, log_id: str) -> LogState:
        """What became of a log, once it is digested or rejected; the deadline of `limits` bounds the wait."""
        patience, pause = self._wire.patience(), 0.1
        request = Request("GET", f"/api/apps/{part(app)}/logs/{part(log_id)}")
        while (state := read(LogState, self._wire.call(request, patience).result)).status == "received":
            patience.sleep(pause)
            pause = min(pause * 1.5, 2.0)
        return state

    def add_symbols(self, app: str, path: Path, version: str = "", build: str = "") -> Symbols:
        """Upload a file of symbols, streamed; the same file again changes nothing."""

        def opened() -> IO[bytes]:
            return path.open("rb")

        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
        query = set_only({"name": path.name[-200:], "version": version, "build": build})
        return read(
            Symbols, self._wire.call(Request("POST", f"/api/apps/{part(app)}/symbols", query, headers, opened)).result
        )

    def symbols(self, app: str) -> Iterator[Symbols]:
        """The files of symbols of an app, newest first."""
        return pages(self._wire, Symbols, f"/api/apps/{part(app)}/symbols", {})

    def _get(self, path: str) -> Any:
        return self._wire.call(Request("GET", path)).result
