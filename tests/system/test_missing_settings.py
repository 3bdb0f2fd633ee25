"""A process that lacks a setting says which, and does not start."""

import os
from pathlib import Path

import pytest

from tests.system.conftest import GRACE
from tests.system.production import honcho


@pytest.mark.parametrize("process", ["web", "worker", "beat"])
def test_a_missing_variable_stops_each_process_with_its_name(process: str, tmp_path: Path):
    log = tmp_path / "log"
    environ = {
        **{name: value for name, value in os.environ.items() if name != "SECRET_KEY"},
        "DATABASE_URL": "postgresql+psycopg://nobody@192.0.2.1/none",
        "STORAGE_URL": "memory://",
        "REDIS_URL": "redis://192.0.2.1:6379/0",
        "CRASHQ_TEST_LOG": str(log),
    }

    with honcho(environ, process) as running:
        status = running.wait(GRACE)

    assert status != 0
    assert "SECRET_KEY is not set" in log.read_text()
