"""What killed processes leave half-written in a folder store goes by itself, and nothing else does."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.errors import TransientError
from app.jobs.attempt import discard
from app.privacy.retention import remove_what_is_old
from app.services import Services
from app.storage import MARKER
from tests.stores import ready_store


@pytest.fixture
def stored(services: Services, tmp_path: Path, clock) -> Services:
    clock.now = datetime.now(UTC)
    return replace(services, storage=ready_store((tmp_path / "store").as_uri()))


def half_written(folder: Path, key: str, hours: float = 0) -> Path:
    path = folder / "store" / f"{key}#1"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half a report")
    at = datetime.now(UTC).timestamp() - hours * 3600
    os.utime(path, (at, at))
    return path


def test_an_attempts_half_written_files_go_with_its_folder_and_those_of_others_stay(stored, tmp_path):
    stored.storage.put_bytes("jobs/a/1/part.json", b"[]")
    gone = [half_written(tmp_path, "jobs/a/1/report.html"), half_written(tmp_path, "jobs/a/1/deeper/x.csv")]
    kept = [half_written(tmp_path, "jobs/a/2/report.html"), half_written(tmp_path, "jobs/a/10/report.html")]

    assert discard(stored, "jobs/a/1")
    assert discard(stored, "jobs/never-begun")

    assert [path.exists() for path in gone] == [False, False]
    assert [path.exists() for path in kept] == [True, True]
    assert list(stored.storage.list("jobs/a/1")) == []


def test_a_put_whose_folder_is_deleted_meanwhile_fails_and_leaves_nothing(stored, tmp_path):
    def chunks():
        for number in range(12):
            yield bytes(1024 * 1024)
            if number == 8:
                assert [path.name for path in stored.storage.unfinished()] == ["report.html#1"]
                stored.storage.delete_folder("jobs/a/1")

    with pytest.raises(TransientError):
        stored.storage.put("jobs/a/1/report.html", chunks())

    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == [MARKER]


def test_what_nobody_has_written_to_for_an_hour_goes_wherever_it_is(stored, tmp_path):
    stored.storage.put_bytes("logs/app/2026/11/30/log-1.abc", b"log")
    old = [half_written(tmp_path, key, hours=1.1) for key in ("jobs/a/1/report.html", "logs/app/2026/11/30/log-2.abc")]
    young = half_written(tmp_path, "jobs/b/1/report.html", hours=0.9)
    other = tmp_path / "store" / "notes #1 of mine"
    other.write_text("of an operator")
    os.utime(other, (0, 0))

    remove_what_is_old(stored)

    assert [path.exists() for path in old] == [False, False]
    assert young.exists()
    assert other.exists()
    assert stored.storage.get("logs/app/2026/11/30/log-1.abc") == b"log"


def test_one_look_is_bounded_and_the_next_goes_on(stored, tmp_path):
    old = [half_written(tmp_path, f"jobs/{number}/1/report.html", hours=2) for number in range(30)]
    before = datetime.now(UTC) - timedelta(hours=1)

    removed = [stored.storage.sweep_unfinished(before, 20) for _ in range(10)]

    assert sum(removed) == len(old)
    assert max(removed) <= 20
    assert len([number for number in removed if number]) >= 2


def test_a_store_in_memory_has_none(services):
    assert services.storage.sweep_unfinished(datetime.now(UTC), 10) == 0
    assert services.storage.delete_folder("jobs/a") == 0
