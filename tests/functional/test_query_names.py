"""Misspelt parameters of the query: refused by name, but for the endpoints whose clients may send more."""

import pytest

from tests.factories import make_crash


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/apps/{app}/crashes?serach=x", "serach"),
        ("/api/crashes/{crash}/statistics?since=2026-01-01", "since"),
        ("/api/apps?page=1&perpage=2", "perpage"),
        ("/api/jobs?stat=running", "stat"),
        ("/api/apps/{app}/logs?log=a", "log"),
        ("/api/tokens?x-y=1", "A parameter"),
    ],
)
def test_a_misspelt_parameter_is_named(client, services, member, path, name):
    crash = make_crash(services, member.app)
    url = path.format(app=member.app.identifier, crash=crash.identifier)

    answer = client.get(url, headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert answer.json["error_message"].startswith(f"{name} is not known here")


@pytest.mark.parametrize("query", ["occurrences?bogus=1", "export_occurrences?id=a&log_id=b&date=2026-01-01&bogus=1"])
def test_the_two_documented_endpoints_take_more(client, services, member, query):
    crash = make_crash(services, member.app)

    answer = client.get(f"/api/crashes/{crash.identifier}/{query}", headers=member.headers)

    assert "bogus" not in answer.text
    assert answer.status_code in (200, 404)
