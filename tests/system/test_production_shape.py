"""The Procfile's processes on real servers: PostgreSQL, redis-server, S3, granian, a prefork worker and beat."""

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
import redis
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.cli.demo import Http
from tests.exposition import value
from tests.factories import kscrash
from tests.symbols import native_event, sym
from tests.system.conftest import EMAIL, PASSWORD, descendants, digested, finished, until
from tests.system.production import Stack, deployed


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with deployed(tmp_path_factory.mktemp("production")) as running:
        yield running


def test_a_log_becomes_occurrences_and_a_report(stack: Stack):
    sender = Http(stack.http.base, stack.ingest_key)
    for number in range(3):
        answer = sender.send("POST", f"/api/apps/{stack.app}/logs?log_id=7-1536831773-logs-0000{number}", kscrash())
        assert answer.status == 202

    states = [digested(stack.http, stack.app, f"7-1536831773-logs-0000{number}") for number in range(3)]
    crash = states[0]["occurrences"][0]["crash_identifier"]
    rows = finished(stack.http, f"/api/crashes/{crash}/occurrences")
    export = finished(stack.http, f"/api/crashes/{crash}/export_occurrences?{urlencode(rows[0])}&format=txt")
    report = Http(stack.http.base).send("GET", export["url"])

    assert {row["log_id"] for row in rows} == {f"7-1536831773-logs-0000{number}" for number in range(3)}
    assert report.status == 200
    assert b"NSInvalidArgumentException" in report.body


def test_symbols_in_chunks_name_a_crash_that_came_before_them(stack: Stack):
    debug_id, path = "01020304-0506-0708-090a-0b0c0d0e0f10", f"/api/apps/{stack.app}/symbols"
    content = sym(debug_id, "_ZN4cart5totalEi")
    stack.http.send("POST", f"/api/apps/{stack.app}/logs?log_id=stripped", native_event(debug_id, 1))
    before = digested(stack.http, stack.app, "stripped")["occurrences"][0]["crash_identifier"]

    asked = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "name": "cart.sym"}
    upload = stack.http.send("POST", f"{path}/uploads", json.dumps(asked).encode()).json["result"]["identifier"]
    assert stack.http.send("PUT", f"{path}/uploads/{upload}?offset=0", content).status == 200
    assert stack.http.send("POST", f"{path}/uploads/{upload}/finish").status == 202

    def crash() -> dict:
        return stack.http.send("GET", f"/api/crashes/{before}").json["result"]

    until(lambda: crash()["identifier"] != before, "the crash to be named by its symbols")
    assert crash()["title"] == "SIGSEGV: Segfault in cart::total(int)"
    assert (crash()["occurrences_count"], crash()["why"]["symbols"]) == (1, True)
    assert stack.http.send("GET", f"{path}/{upload}").json["result"]["debug_ids"] == [debug_id]


def test_a_hundred_first_requests_at_once_are_one_job_and_one_execution(stack: Stack):
    crash = stack.crash("stampede")
    before = stack.count("SELECT count(*) FROM jobs")
    gate = threading.Barrier(100)

    def ask(_: int) -> str:
        gate.wait()
        answer = Http(stack.http.base, stack.http.token).send("GET", f"/api/crashes/{crash}/occurrences?per_page=77")
        assert answer.status == 200
        return answer.json["job_id"]

    with ThreadPoolExecutor(100) as pool:
        ids = set(pool.map(ask, range(100)))
    finished(stack.http, f"/api/crashes/{crash}/occurrences?per_page=77")

    assert len(ids) == 1
    assert stack.count("SELECT count(*) FROM jobs") == before + 1
    assert stack.count("SELECT attempt FROM jobs WHERE id = %s", ids.pop()) == 1


def test_a_frozen_redis_neither_slows_the_answer_nor_loses_the_job(stack: Stack):
    crash = stack.crash("frozen")
    server = _redis_pid(stack)
    os.kill(server, signal.SIGSTOP)
    try:
        started = time.monotonic()
        asked = stack.http.send("GET", f"/api/crashes/{crash}/occurrences")
        took = time.monotonic() - started
        uploaded = stack.http.send("POST", f"/api/apps/{stack.app}/logs?log_id=while-frozen", kscrash())
    finally:
        os.kill(server, signal.SIGCONT)

    rows = finished(stack.http, f"/api/crashes/{crash}/occurrences")

    assert asked.status == 200
    assert took < 1
    assert uploaded.status == 202
    assert len(rows) == 1
    assert digested(stack.http, stack.app, "while-frozen")["status"] == "digested"


def test_an_emptied_redis_loses_nothing(stack: Stack):
    crash = stack.crash("emptied")
    client = redis.Redis.from_url(stack.environ["REDIS_URL"])

    for number in range(5):
        stack.http.send("POST", f"/api/apps/{stack.app}/logs?log_id=emptied-{number}", kscrash())
        client.flushall()
    answer = stack.http.send("GET", f"/api/crashes/{crash}/occurrences?per_page=5")
    client.flushall()
    client.close()

    assert answer.status == 200
    assert finished(stack.http, f"/api/crashes/{crash}/occurrences?per_page=5")
    for number in range(5):
        assert digested(stack.http, stack.app, f"emptied-{number}")["status"] == "digested"


def test_prefer_wait_answers_in_one_request(stack: Stack):
    crash = stack.crash("waiting")

    answer = stack.http.send("GET", f"/api/crashes/{crash}/occurrences", Prefer="wait=20")

    assert answer.json["loading"] == [False]
    assert answer.headers["Preference-Applied"] == "wait=20"


def test_the_same_request_id_stands_in_the_lines_of_web_and_worker(stack: Stack):
    crash = stack.crash("traced")
    stack.http.send("GET", f"/api/crashes/{crash}/occurrences", X_Request_Id="trace-me-1", Prefer="wait=20")

    def told(event: str) -> list[str]:
        return [line for line in stack.log.splitlines() if event in line and "trace-me-1" in line]

    assert told("job_queued")
    until(lambda: told("job_finished"), "the worker's line, which comes after the answer")


def test_requests_are_counted_by_whichever_process_answers(stack: Stack):
    def counted() -> float:
        return value(stack.metrics(), "crashq_http_request_duration_seconds_count", route="/healthz", status="2xx")

    before = counted()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Http(stack.http.base).send("GET", "/healthz"), range(40)))

    until(lambda: counted() - before >= 40, "every request to be counted")
    assert counted() - before == 40


def test_metrics_tell_what_web_worker_and_beat_have_done(stack: Stack):
    def figures() -> list[float]:
        shown = stack.metrics()
        return [value(shown, name, **labels) for name, labels in {
            "crashq_digests_total": {"outcome": "digested", "format": "kscrash-json"},
            "crashq_digest_duration_seconds_count": {},
            "crashq_log_wait_seconds_count": {},
            "crashq_jobs_started_total": {"kind": "occurrences"},
            "crashq_attempts_total": {"kind": "occurrences", "outcome": "finished"},
            "crashq_job_duration_seconds_count": {"kind": "occurrences"},
            "crashq_task_duration_seconds_count": {"task": "run_job"},
        }.items()]  # fmt: skip

    before = figures()
    finished(stack.http, f"/api/crashes/{stack.crash('counted')}/occurrences")

    def more() -> list[float]:
        return [new - old for new, old in zip(figures(), before, strict=True)]

    until(lambda: more()[:6] == [1] * 6 and more()[6] > 0, "what the worker counts after its result is there")
    until(lambda: value(stack.metrics(), "crashq_beat_sent_total", task="sweep") > 0, "beat's first sweep")
    shown = stack.metrics()
    assert value(shown, "crashq_rings_total", queue="short", outcome="sent") > 0
    assert value(shown, "crashq_worker_silent_seconds") < 45
    assert {"short", "long", "ingest", "parts", "push"} == {
        queue for queue in ("short", "long", "ingest", "parts", "push") if f'oldest_seconds{{queue="{queue}"}}' in shown
    }


def test_a_machine_without_web_shows_what_its_processes_have_counted(stack: Stack):
    def shown() -> str:
        return stack.metrics(f"http://127.0.0.1:{stack.environ['CRASHQ_METRICS_PORT']}")

    until(lambda: value(shown(), "crashq_beat_sent_total", task="pulse") > 0, "beat's first heartbeat task")
    until(lambda: value(shown(), "crashq_task_duration_seconds_count", task="sweep") > 0, "the first sweep")
    assert "crashq_queue_waiting" not in shown()


def test_killed_workers_take_no_counts_along_and_leave_no_files_behind(stack: Stack):
    def digests() -> float:
        return value(stack.metrics(), "crashq_digests_total", outcome="digested")

    files = sorted(Path(stack.environ["CRASHQ_METRICS_DIR"]).glob("*/*"))
    before = digests()
    workers = [pid for pid in descendants(os.getpid()) if b"workers.celery\0worker" in _command(pid)]
    children = [pid for pid in workers if any(pid in descendants(other) for other in workers)]
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    stack.crash("after-the-kill")

    assert len(children) >= 2
    assert digests() == before + 1
    assert sorted(Path(stack.environ["CRASHQ_METRICS_DIR"]).glob("*/*")) == files


def test_a_canary_goes_the_whole_way_again_and_again(stack: Stack):
    def sung() -> float:
        return value(stack.metrics(), "crashq_canary_runs_total", outcome="succeeded")

    before = sung()
    until(lambda: sung() > before, "another canary")

    assert stack.http.send("GET", "/readyz").json["result"]["canary"].endswith(" s ago")
    assert value(stack.metrics(), "crashq_canary_age_seconds") < 30
    assert stack.count("SELECT count(*) FROM pulses WHERE part LIKE 'canary%%'") == 2


def test_a_workers_line_names_the_request_that_rang(stack: Stack):
    path = f"/api/apps/{stack.app}/symbols?name=mapping.txt&version=1.0"
    sent = stack.http.send("POST", path, b"com.example.A -> a.b:\n    1:1:int t():2 -> c\n", X_Request_Id="sent-7")

    assert sent.status == 202
    assert sent.headers["X-Request-Id"] == "sent-7"
    until(
        lambda: [line for line in stack.log.splitlines() if '"symbols_made"' in line and '"sent-7"' in line], "a line"
    )


def test_lines_hold_ids_and_nothing_of_what_was_sent(stack: Stack):
    marked = kscrash(reason="MARKED ada.private@example.org", frame="-[Marked go]")
    sender = Http(stack.http.base, stack.ingest_key)
    assert sender.send("POST", f"/api/apps/{stack.app}/logs?log_id=marked-log", marked).status == 202
    crash = digested(stack.http, stack.app, "marked-log")["occurrences"][0]["crash_identifier"]
    finished(stack.http, f"/api/crashes/{crash}/occurrences?since_date=2018-01-01")
    assert sender.send("POST", f"/api/apps/{stack.app}/logs?log_id=marked-2", b"MARKED, and no crash").status == 202
    digested(stack.http, stack.app, "marked-2")

    found = [secret for secret in ("MARKED", "Marked", "marked-log", "example.org", EMAIL, PASSWORD, stack.ingest_key,
                                   str(stack.http.token), stack.environ["SECRET_KEY"]) if secret in stack.log]  # fmt: skip
    assert found == []


def test_one_trace_spans_the_request_and_the_attempt_at_its_job(stack: Stack):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    path = f"/api/crashes/{stack.crash('spanned')}/occurrences"
    asked = stack.http.send("GET", path, traceparent=f"00-{trace}-00f067aa0ba902b7-01", Prefer="wait=20")
    named = stack.http.send("GET", f"{path}?per_page=9", X_Request_Id="span-me", Prefer="wait=20")

    def attempt_at(job: str) -> list[tuple[str, dict[str, str], str]]:
        return [span for span in _spans(stack) if span[1].get("crashq.job") == job]

    [(name, told, own)] = until(lambda: attempt_at(asked.json["job_id"]), "the span of the attempt")
    assert (name, own, told["crashq.kind"]) == ("attempt", trace, "occurrences")
    assert asked.headers["X-Request-Id"] == trace
    route = "GET /api/crashes/<crash_identifier>/occurrences"
    served = until(lambda: [one for one in _spans(stack) if one[0] == route and one[2] == trace], "that of the request")
    assert served[0][1]["http.response.status_code"] == "200"
    assert until(lambda: [one for one in _spans(stack) if one[0] == "run_job" and one[2] == trace], "that of the task")
    [(_, _, other)] = until(lambda: attempt_at(named.json["job_id"]), "the span of the other attempt")
    [found] = until(
        lambda: [one for one in _spans(stack) if one[0] == route and one[1].get("crashq.request") == "span-me"],
        "the span of the other request",
    )
    assert other == found[2] != trace


def _redis_pid(stack: Stack) -> int:
    with redis.Redis.from_url(stack.environ["REDIS_URL"]) as client:
        return int(client.info("server")["process_id"])


def _spans(stack: Stack) -> list[tuple[str, dict[str, str], str]]:
    """(name, attributes, trace) of every span that has arrived."""
    found = []
    for got in list(stack.traces.got):
        assert got.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(got.body).resource_spans:
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                told = {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes}
                found.append((span.name, told, span.trace_id.hex()))
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
