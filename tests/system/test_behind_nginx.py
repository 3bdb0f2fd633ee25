"""Behind a real nginx: it sends the stored files itself, and links name the host that the client knows."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from app import create_app
from app.config import Config
from tests.factories import kscrash, make_crash, run_enqueued
from tests.servers import free_port, missing
from tests.sse import events
from tests.stores import ready_store
from tests.system.conftest import until
from tests.uploads import digested, export_url

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
HOST = "crashes.example.com"


@dataclass
class Answer:
    """What nginx answered."""

    status: int
    headers: dict[str, str]
    body: bytes


def fetch(url: str, **headers: str) -> Answer:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as got:
            return Answer(got.status, dict(got.headers), got.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read())


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(folder: Path, store: Path, web_port: int) -> Iterator[str]:
    """The locations that docs/operations.md recommends, in a server of their own; gives its URL."""
    program = shutil.which("nginx") or missing("nginx", "Debian's package nginx-light has it")
    port = free_port()
    [locations] = re.findall(r"```nginx\n(.*?)```", OPERATIONS.read_text(), re.DOTALL)
    locations = locations.replace("127.0.0.1:8000", f"127.0.0.1:{web_port}").replace("/srv/crashq/objects", str(store))
    settings = f"""
        {"user root;" if os.geteuid() == 0 else ""}
        daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
            uwsgi_temp_path {folder}; scgi_temp_path {folder};
            server {{ listen 127.0.0.1:{port}; {locations} }}
        }}"""
    (folder / "nginx.conf").write_text(settings)
    running = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "e")])
    try:
        until(lambda: _listens(port), "nginx to listen")
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(10)


@pytest.fixture
def served(services, member, run_workers, tmp_path) -> Iterator[tuple[str, str, bytes]]:
    """(nginx's URL, the link of a finished report, the stored bytes)."""
    store = tmp_path / "objects"
    environ = {"DATABASE_URL": services.config.database_url, "STORAGE_URL": store.as_uri(), "SECRET_KEY": "x" * 16,
               "CRASHQ_ACCEL_REDIRECT": "/stored", "CRASHQ_TRUSTED_PROXIES": "1", "CRASHQ_HOSTS": HOST}  # fmt: skip
    config = Config.from_env(environ, needs_broker=False)
    here = replace(services, config=config, storage=ready_store(config.storage_url))
    client = create_app(here).test_client()
    url = export_url(digested(client, member, lambda: run_enqueued(here), kscrash()), format="txt")
    client.get(url, headers=member.headers)
    run_enqueued(here)
    web = make_server("127.0.0.1", 0, create_app(here), threaded=True)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    try:
        with nginx(tmp_path, store, web.port) as base:
            link = fetch(f"{base}{url}", Host=HOST, X_Forwarded_Host="evil.example.com", **member.headers)
            yield base, link.body.decode().partition('"url":"')[2].partition('"')[0], _only_report(store)
    finally:
        web.shutdown()
        web.server_close()


def _only_report(store: Path) -> bytes:
    [report] = store.glob("jobs/*/*/*.txt")
    return report.read_bytes()


def test_a_link_names_the_host_that_the_client_asked_and_nobody_elses(served):
    _, link, _ = served

    assert link.startswith(f"http://{HOST}/api/downloads/")


def test_nginx_sends_the_stored_file_with_our_headers(served):
    base, link, stored = served

    answer = fetch(link.replace(f"http://{HOST}", base))

    assert (answer.status, answer.body) == (200, stored)
    assert answer.headers["Content-Length"] == str(len(stored))
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "X-Accel-Redirect" not in answer.headers


def test_nginx_sends_a_range(served):
    base, link, stored = served

    answer = fetch(link.replace(f"http://{HOST}", base), Range="bytes=5-14")

    assert (answer.status, answer.body) == (206, stored[5:15])
    assert answer.headers["Content-Range"] == f"bytes 5-14/{len(stored)}"


def test_a_stream_of_events_comes_through_at_once(served, services, member):
    base, _, _ = served
    crash = make_crash(services, member.app)
    asked = fetch(f"{base}/api/crashes/{crash.identifier}/occurrences", **member.headers)
    job_id = json.loads(asked.body)["job_id"]

    request = urllib.request.Request(f"{base}/api/jobs/{job_id}/events", headers=member.headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        stream = events(answer)
        first = next(stream)
        run_enqueued(services)
        *_, last = stream

    assert (first.name, last.name) == ("progress", "finished")


def test_the_store_is_not_open_to_clients(served, services):
    base, link, _ = served

    assert fetch(f"{base}/stored/jobs/").status == 404
    assert fetch(link.replace(f"http://{HOST}", base)[:-3] + "xyz").status == 404
