"""Requests of batches that are refused, each with what is wrong with it."""

import pytest

from tests.factories import make_crash


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"format": "csv", "encoding": "utf-16"}, "encoding is not one of utf-8, utf-8-sig"),
        ({"encoding": "utf-8-sig"}, "needs format=csv"),
        ({"format": "xlsx"}, "format is not one of csv, ndjson, parquet, zip"),
        ({"since_date": "soon"}, "since_date is not a date"),
        ({"app_versoin": "1"}, "Unknown parameter"),
        ({"app_version": "x" * 129}, "more than 128 characters"),
        ({"user_id": [str(n) for n in range(101)]}, "more than 100 values"),
        ({"user_id": "a\nb"}, "control character"),
        ({"user_id": {"a": 1}}, "not a JSON object"),
        ({"user_id": [["a"]]}, "not a JSON object"),
        ([1], "not a JSON object"),
    ],
)
def test_a_senseless_question_is_refused_by_name(services, client, member, body, message):
    crash = make_crash(services, member.app)

    answer = client.post(f"/api/crashes/{crash.identifier}/exports", json=body, headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert message in answer.json["error_message"]


@pytest.mark.parametrize("body", [b"{", b"[" * 20_000, b"\xff\xfe", b'{"a":NaN'])
def test_a_body_that_is_no_json_is_refused(services, client, member, body):
    crash = make_crash(services, member.app)

    answer = client.post(f"/api/crashes/{crash.identifier}/exports", data=body, headers=member.headers)

    assert answer.status_code == 400
