"""Sends a log over HTTP and has it digested."""

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from tests.factories import Member, kscrash

LOG_ID = "2544355787-1536831773-logs-00003"


def digested(
    client: FlaskClient, member: Member, run_workers: Callable[[], int], body: bytes = b"", log_id: str = LOG_ID
) -> dict[str, Any]:
    """The digested log as the API shows it."""
    url = f"/api/apps/{member.app.identifier}/logs"
    sent = client.post(f"{url}?log_id={log_id}", data=body or kscrash(), headers=member.sender)
    assert sent.status_code == 202, sent.data
    run_workers()
    answer: Any = client.get(f"{url}/{log_id}", headers=member.headers).json
    shown: dict[str, Any] = answer["result"]
    return shown


def export_url(log: dict[str, Any], **more: str) -> str:
    """The path that exports the log's first occurrence."""
    [occurrence, *_] = log["occurrences"]
    query = {"id": occurrence["id"], "log_id": log["log_id"], "date": log["date"], **more}
    pairs = "&".join(f"{name}={value}" for name, value in query.items() if value is not None)
    return f"/api/crashes/{occurrence['crash_identifier']}/export_occurrences?{pairs}"
