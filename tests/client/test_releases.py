"""`crashq remote releases`: pages of releases that a job makes, as lines or JSON."""

import json

from tests.client.test_remote_command import inside  # noqa: F401
from tests.scripted_server import ScriptedServer, envelope

FIGURES = {
    "first_seen": "2018-09-11", "last_seen": None, "occurrences": 3, "users": None, "new_crashes": 1,
    "regressed_crashes": 0, "sessions": 50, "crash_free_sessions": 0.98, "crash_free_users": None, "adoption_7_days": 0.5,
    "errored_sessions": 2,
}  # fmt: skip


def page(*versions: str | None, total: int) -> dict:
    return {"total": total, "releases": [{"version": version, **FIGURES} for version in versions]}


def test_releases_of_all_pages_are_listed(server: ScriptedServer, inside, monkeypatch):  # noqa: F811
    monkeypatch.setattr("app.client.releases.PER_PAGE", 2)
    server.replies = [
        envelope(None, loading=True), envelope(page("2.4.0", "2.3.9", total=3)), envelope(page(None, total=3)),
    ]  # fmt: skip

    ended = inside("releases", "a" * 24, "--environment", "production")

    assert [line.split("\t") for line in ended.stdout.splitlines()][::2] == [
        ["2.4.0", "0.5", "0.98", "-", "50", "3", "-", "1", "0", "2018-09-11", "-"],
        ["-", "0.5", "0.98", "-", "50", "3", "-", "1", "0", "2018-09-11", "-"],
    ]
    assert [asked.query.get("page") for asked in server.asked] == ["1", "1", "2"]
    assert {asked.query["environment"] for asked in server.asked} == {"production"}


def test_as_json_every_field_is_told(server: ScriptedServer, inside):  # noqa: F811
    server.replies = [envelope(page("2.4.0", total=1))]

    ended = inside("releases", "a" * 24, "--json", "--limit", "1")

    assert json.loads(ended.stdout)["errored_sessions"] == 2
