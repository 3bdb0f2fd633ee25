"""A disk without room on the machine of web or worker: an outage, answered with 503; lines that find no room are dropped."""

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from pathlib import Path

import pytest

from app import create_app
from app.telemetry.log_lines import configure_logs
from tests.factories import kscrash, make_crash

FULL = Path("/dev/full")


def write_to_a_full_disk() -> None:
    with FULL.open("wb", buffering=0) as file:
        file.write(b"x")


@pytest.fixture
def no_room_for_lines() -> Iterator[None]:
    """Standard error goes to a full disk."""
    raw = FULL.open("wb", buffering=0)
    lines = io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=True)
    with redirect_stderr(lines):
        configure_logs("json")
        yield
    raw.close()
    with suppress(ValueError, OSError):
        lines.close()


@pytest.mark.parametrize("path", ["/api/broken", "/broken"])
def test_a_request_that_finds_no_room_is_told_to_come_again(services, path):
    app = create_app(services)
    app.add_url_rule(path, "broken", write_to_a_full_disk)

    answer = app.test_client().get(path)

    assert (answer.status_code, answer.json["status"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]


def test_logs_and_jobs_are_taken_although_the_disk_has_no_room_for_lines(client, member, services, no_room_for_lines):
    crash = make_crash(services, member.app, occurrences=3)

    sent = client.post(f"/api/apps/{member.app.identifier}/logs?log_id=a-1", data=kscrash(), headers=member.sender)
    asked = client.get(f"/api/crashes/{crash.identifier}/occurrences", headers=member.headers)

    assert (sent.status_code, asked.status_code) == (202, 200)
