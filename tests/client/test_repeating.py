"""What is safe to repeat is repeated, politely and not for ever; what is not is sent once."""

import threading
from datetime import date

import pytest

from app.client import (
    Busy,
    Client,
    Limits,
    NotSignedIn,
    NotThere,
    Occurrence,
    OutOfTime,
    Refused,
    Unreachable,
)
from tests.client.conftest import TOKEN
from tests.scripted_server import Reply, envelope, refused, told

OCCURRENCE = Occurrence(id="l-crash-1", date=date(2018, 9, 13), log_id="l")
APPS = [{"identifier": "a" * 24, "name": "Notes", "created_at": "2018-09-13T08:02:53Z"}]


def test_a_busy_server_is_asked_again_no_sooner_than_it_says(server, afar, clock):
    server.replies = [refused(429, "too_many_requests", "Slowly", Retry_After="7"), told(APPS)]

    names = [app.name for app in afar.apps()]

    assert names == ["Notes"]
    assert len(clock.slept) == 1
    assert 7 <= clock.slept[0] < 8


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_outage_is_waited_out(server, afar, clock, status):
    server.replies = [*[Reply(status, body=b"<html>a proxy's page</html>")] * 3, told(APPS)]

    assert len(list(afar.apps())) == 1
    assert len(server.asked) == 4
    assert clock.slept == sorted(clock.slept)


def test_a_date_is_understood_as_retry_after_and_nonsense_is_not(server, afar, clock):
    server.replies = [
        Reply(503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        Reply(503, {"Retry-After": "soon"}),
        Reply(503, {"Retry-After": "9" * 39}),
    ]

    with pytest.raises(Busy) as caught:
        list(afar.apps())

    assert len(server.asked) == 3
    assert sum(clock.slept) < 3
    assert caught.value.retry_after == 6 * 3_600


def test_a_server_that_is_away_for_seconds_while_polling_is_waited_for(server, afar, clock, retries):
    rows = [{"id": "l-crash-1", "date": "2018-09-13", "log_id": "l"}]
    loading = envelope([], loading=True, Retry_After="1", X_Progress="5/10 rows")
    server.replies = [loading, envelope(rows)]
    away_since = []

    def later(_: float) -> None:
        if not away_since:
            server.stop()
            away_since.append(clock.time)
        elif away_since[0] and clock.time > away_since[0] + 8:
            away_since[0] = 0
            server.start()

    clock.on_sleep = later

    found = [row.id for row in afar.occurrences("c" * 24)]

    assert found == ["l-crash-1"]
    assert len(retries) >= 3
    assert all(isinstance(problem, Unreachable) for problem in retries)
    assert len(server.asked) == 2


def test_a_server_that_stays_away_is_told_of_within_the_patience(server, afar, clock):
    server.stop()

    with pytest.raises(Unreachable, match="No connection"):
        afar.job("2eab310c430bf292171281ae")

    assert 30 < sum(clock.slept) <= 60


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [(400, "bad_request", Refused), (401, "unauthorized", NotSignedIn), (404, "not_found", NotThere),
     (410, "gone", Refused), (422, "unprocessable", Refused), (500, "internal_error", Refused)],
)  # fmt: skip
def test_a_refusal_is_raised_at_once_with_all_that_the_server_tells(server, afar, clock, status, word, kind):
    server.replies = [refused(status, word, "A sentence", X_Error_Code="a_code", X_Request_Id="req-1")]

    with pytest.raises(kind) as caught:
        list(afar.apps())

    problem = caught.value
    assert (problem.status, problem.word, problem.code) == (status, word, "a_code")
    assert (problem.error_message, problem.request_id) == ("A sentence", "req-1")
    assert problem.advice
    assert ("req-1" in problem.advice) == (status == 500)
    assert len(server.asked) == 1
    assert clock.slept == []


def test_an_upload_with_a_name_is_repeated(server, afar):
    received = told({"log_id": "mine", "status": "received"})
    server.replies = [Reply(200, body=b"{", promised=100), refused(503, "unavailable", "Later"), received]

    log = afar.upload("a" * 24, b"crash" * 1_000, "mine")

    assert log.log_id == "mine"
    assert {(asked.query["log_id"], asked.body) for asked in server.asked} == {("mine", server.asked[0].body)}
    assert server.asked[0].headers["content-encoding"] == "gzip"


def test_an_upload_without_a_name_and_a_login_are_sent_once(server, afar, clock):
    server.replies = [Reply(503, {"Retry-After": "1"})]

    with pytest.raises(Busy):
        afar.upload("a" * 24, b"crash")
    with pytest.raises(Busy):
        afar.login("ada@example.com", "secret")

    assert len(server.asked) == 2
    assert clock.slept == []


def test_a_file_of_symbols_is_sent_whole_at_every_attempt(server, afar, tmp_path):
    path = tmp_path / "mapping.txt"
    path.write_bytes(b"mapping" * 50_000)
    file = {"identifier": "5" * 24, "name": "mapping.txt", "kind": None, "state": "received", "reason": None, "size": 350_000,
            "sha256": "0" * 64}  # fmt: skip
    server.replies = [refused(503, "unavailable", "Later"), told(file)]

    added = afar.add_symbols("a" * 24, path, version="1.2")

    assert added.state == "received"
    assert [asked.body for asked in server.asked] == [path.read_bytes()] * 2
    assert server.asked[1].query == {"name": "mapping.txt", "version": "1.2"}


def test_the_deadline_ends_a_poll_that_goes_well(server, clock):
    server.replies = [envelope([], loading=True, Retry_After="2", X_Progress="1/10 rows")]
    with Client(server.url, TOKEN, clock=clock, limits=Limits(deadline=11)) as afar, pytest.raises(OutOfTime):
        list(afar.occurrences("c" * 24))

    assert len(server.asked) == 6
    assert sum(clock.slept) <= 11


def test_the_deadline_ends_a_request_that_hangs(server):
    over = threading.Event()
    held = told(APPS)
    held.before = lambda: over.wait(30)
    server.replies = [held]
    with Client(server.url, TOKEN, limits=Limits(deadline=0.3)) as afar:
        with pytest.raises(OutOfTime):
            list(afar.apps())
        over.set()

    assert len(server.asked) == 1


def test_a_server_is_not_asked_to_hold_a_poll_beyond_the_deadline(server, clock):
    server.replies = [envelope([], loading=True, Retry_After="1")]
    with Client(server.url, TOKEN, clock=clock, limits=Limits(deadline=5)) as afar, pytest.raises(OutOfTime):
        list(afar.occurrences("c" * 24))

    assert [asked.headers.get("prefer") for asked in server.asked] == ["wait=2", "wait=4", "wait=3", "wait=2", "wait=1"]


def test_the_time_for_which_the_server_held_a_poll_counts(server, afar, clock):
    def hold(seconds: float) -> Reply:
        reply = envelope([], loading=True, Retry_After="5", Preference_Applied="wait=2")
        reply.before = lambda: setattr(clock, "time", clock.time + seconds)
        return reply

    server.replies = [hold(2), hold(20), envelope([])]

    list(afar.occurrences("c" * 24))

    assert [asked.headers["prefer"] for asked in server.asked] == ["wait=2", "wait=4", "wait=8"]
    assert clock.slept == [3]


def test_progress_is_told_while_a_job_runs(server, afar):
    server.replies = [
        envelope([{"id": "l-crash-2", "date": "2018-09-14", "log_id": "l"}], loading=True, X_Progress="1000/5000 rows"),
        envelope([], loading=True, X_Progress="<b>/5 rows"),
        envelope([{"id": "l-crash-2", "date": "2018-09-14", "log_id": "l"}]),
    ]
    progress, first = [], []

    rows = list(afar.occurrences("c" * 24, on_progress=progress.append, on_first_rows=first.append))

    assert [(one.done, one.total, one.unit) for one in progress] == [(1_000, 5_000, "rows")]
    assert [[row.id for row in known] for known in first] == [["l-crash-2"]]
    assert len(rows) == 1
