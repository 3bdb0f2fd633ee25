"""What a server answers is believed only if it is what the contract says."""

from datetime import date

import pytest

from app.client import (
    BadAnswer,
    Occurrence,
)
from app.client.wire import MAX_BODY
from tests.scripted_server import Reply, envelope, told

OCCURRENCE = Occurrence(id="l-crash-1", date=date(2018, 9, 13), log_id="l")
APPS = [{"identifier": "a" * 24, "name": "Notes", "created_at": "2018-09-13T08:02:53Z"}]


def test_pages_are_followed_by_their_parameters_and_to_no_other_path(server, afar):
    server.replies = [
        told(APPS, Link='</api/elsewhere?page=2&per_page=1>; rel="next"'),
        told(APPS, Link='<http://192.0.2.1/api/apps?page=3&per_page=1>; rel="next"'),
        told(APPS),
    ]

    assert len(list(afar.apps())) == 3
    assert [(asked.path, asked.query.get("page")) for asked in server.asked] == [
        ("/api/apps", None), ("/api/apps", "2"), ("/api/apps", "3"),
    ]  # fmt: skip


def test_pages_that_go_in_circles_are_an_error(server, afar):
    server.replies = [told(APPS, Link='</api/apps?page=2>; rel="next"')]

    with pytest.raises(BadAnswer, match="read already"):
        list(afar.apps())

    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, body=b"<html>Welcome</html>"),
        Reply(200, body=b"[" * 100_000),
        Reply(200, body=b'{"success":false}'),
        Reply(200, body=b'{"success":true,"result":{}}'),
        Reply(200, body=b'{"success":true,"result":[{"identifier":"a"}]}'),
        Reply(200, {"Content-Encoding": "gzip"}, b"not packed at all"),
        Reply(200, body=(b" " * 65_536 for _ in range(MAX_BODY // 65_536 + 100))),
        Reply(302, {"Location": "http://192.0.2.1/login"}),
    ],
    ids=["a page", "nested", "no success", "no list", "other rows", "broken gzip", "endless", "redirect"],
)
def test_what_is_not_crashq_s_answer_is_said_to_be_so(server, afar, reply):
    server.replies = [reply]

    with pytest.raises(BadAnswer):
        list(afar.apps())

    assert len(server.asked) == 1


@pytest.mark.parametrize("loading", ["yes", [], [True, True], None, [1]])
def test_an_envelope_has_to_be_one(server, afar, loading):
    reply = envelope(None)
    reply.body = reply.body.replace(b"[false]", str(loading).replace("'", '"').lower().replace("none", "null").encode())
    server.replies = [reply]

    with pytest.raises(BadAnswer):
        afar.report_file("c" * 24, OCCURRENCE)


def test_a_long_list_is_cut_and_goes_on_behind_the_last_row(server, afar, retries):
    rows = [{"id": f"l-crash-{number}", "date": "2018-09-13", "log_id": "l"} for number in range(1, 5_001)]
    whole = envelope(rows)
    cut = Reply(200, body=whole.body[: len(whole.body) // 2], promised=len(whole.body))
    server.replies = [cut, Reply(503), whole]

    found = [row.id for row in afar.occurrences("c" * 24)]

    assert found == [row["id"] for row in rows]
    assert [asked.query.get("job_id") for asked in server.asked] == [None, *["2eab310c430bf292171281ae"] * 2]
    assert len(retries) == 2
