"""What is safe to repeat is repeated, politely and not for ever; what is not is sent once."""

import ipaddress
import ssl
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.client import (
    BadAnswer,
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
from app.client.wire import MAX_BODY
from tests.client.conftest import TOKEN
from tests.scripted_server import Reply, ScriptedServer, envelope, refused, told

OCCURRENCE = Occurrence(id="l-crash-1", date=date(2018, 9, 13), log_id="l")
APPS = [{"identifier": "a" * 24, "name": "Notes", "created_at": "2018-09-13T08:02:53Z"}]


def test_a_busy_server_is_asked_again_no_sooner_than_it_says(server, afar, clock):
    server.replies = [refused(429, "too_many_requests", "Slowly", Retry_After="7"), told(APPS)]

    names = [app.name for app in afar.apps()]

    assert names == ["Notes"]
    assert len(clock.slept) == 1
    assert 7 <= clock.slept[0] < 8


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_trouble_that_may_pass_is_waited_out(server, afar, clock, status):
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


def test_a_server_that_is_away_for_seconds_while_polling_is_waited_for(server, afar, clock, troubles):
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
    assert len(troubles) >= 3
    assert all(isinstance(problem, Unreachable) for problem in troubles)
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


def test_a_long_list_is_cut_and_goes_on_behind_the_last_row(server, afar, troubles):
    rows = [{"id": f"l-crash-{number}", "date": "2018-09-13", "log_id": "l"} for number in range(1, 5_001)]
    whole = envelope(rows)
    cut = Reply(200, body=whole.body[: len(whole.body) // 2], promised=len(whole.body))
    server.replies = [cut, Reply(503), whole]

    found = [row.id for row in afar.occurrences("c" * 24)]

    assert found == [row["id"] for row in rows]
    assert [asked.query.get("job_id") for asked in server.asked] == [None, *["2eab310c430bf292171281ae"] * 2]
    assert len(troubles) == 2


def test_the_token_goes_to_the_server_and_is_never_shown(server, afar):
    server.replies = [refused(401, "unauthorized", "No")]

    with pytest.raises(NotSignedIn) as caught:
        list(afar.apps())

    assert server.asked[0].headers["authorization"] == f"Token {TOKEN}"
    assert TOKEN not in f"{caught.value!r} {caught.value} {caught.value.__dict__} {afar!r} {afar._wire!r}"


def test_a_login_gives_the_token_that_is_used_from_then_on_and_a_logout_ends_it(server, afar):
    server.replies = [told({"auth_token": "new_token"}), told(APPS), Reply(200, body=b'{"success":true}')]

    token = afar.login("ada@example.com", "secret")
    list(afar.apps())
    afar.logout()

    assert token == "new_token"
    assert [asked.headers.get("authorization") for asked in server.asked] == [
        None,
        "Token new_token",
        "Token new_token",
    ]
    assert server.asked[2].method == "DELETE"


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1", None, 5])
def test_a_token_that_could_not_be_sent_is_refused(server, afar, token):
    server.replies = [told({"auth_token": token})]

    with pytest.raises(BadAnswer):
        afar.login("ada@example.com", "secret")


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(clock, tmp_path):
    pair = tmp_path / "pair.pem"
    pair.write_bytes(self_signed("127.0.0.1"))
    server = ScriptedServer()
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(pair)
    server.replies = [told(APPS)]
    server.start()
    try:
        with Client(server.url, TOKEN, clock=clock) as afar, pytest.raises(Unreachable, match="not trusted"):
            list(afar.apps())
    finally:
        server.stop()

    assert server.asked == []
    assert clock.slept == []


def self_signed(host: str) -> bytes:
    """A key and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(hours=1))
    signed = made.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False
    ).sign(key, hashes.SHA256())
    kept = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return kept + signed.public_bytes(serialization.Encoding.PEM)
