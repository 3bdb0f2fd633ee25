"""Every documented body, held to the byte, in production and in debug mode. Source: the vendor's page and the wire contract."""

import re

import pytest

from app import create_app
from app.db.models.crash import Crash
from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence
from tests.factories import NOON, PASSWORD, kscrash, make_crash, make_member
from tests.uploads import LOG_ID, digested, export_url

NO_CRASH = b'{"success":false,"status":"not_found","error_message":"App Crash with identifier occurrences."}'
NO_ACCESS = b'{"success":false,"status":"not_found","error_message":"You have no access to this app crash"}'
NO_IDS = b'{"success":false,"status":"bad_request","error_message":"id, log id or start_day not provided"}'
NO_TOKEN = (
    b'{"success":false,"status":"unauthorized","error_message":"Authentication token missing, unknown or expired"}'
)
THE_VENDORS_ROWS = (
    b'[{"id":"2544355787-1536831773-logs-00003-crash-1","date":"2018-09-13","log_id":"2544355787-1536831773-logs-00003"},'
    b'{"id":"2544355763-1536780931-logs-00003-crash-1","date":"2018-09-12","log_id":"2544355763-1536780931-logs-00003"}]'
)


@pytest.fixture(params=["production", "debug", "testing"])
def client(request, services):
    flask = create_app(services)
    flask.debug = request.param == "debug"
    flask.testing = request.param == "testing"
    return flask.test_client()


@pytest.fixture
def vendors_crash(services, member) -> Crash:
    """The crash of the vendor's page: its two occurrences."""
    crash = make_crash(services, member.app, occurrences=0)
    with services.db.write() as session:
        for log_id, hour in (("2544355763-1536780931-logs-00003", 1), ("2544355787-1536831773-logs-00003", 12)):
            instant = NOON.replace(day=12 if hour == 1 else 13)
            log = Log(app_id=crash.app_id, log_id=log_id, sha256="0" * 64, size=1, storage_key=f"logs/none/{log_id}",
                      received_at=NOON, status=LogStatus.DIGESTED, enqueue_after=NOON)  # fmt: skip
            session.add(log)
            session.flush()
            session.add(Occurrence(crash_id=crash.id, log_row=log.id, log_id=log_id, number=1, occurred_at=instant))
        session.get_one(Crash, crash.id).occurrences_count = 2
    return crash


def envelope(loading: bytes, job_id: str, result: bytes) -> bytes:
    return b'{"loading":[%s],"job_id":"%s","success":true,"result":%s}' % (loading, job_id.encode(), result)


def test_a_login(client, member):
    body = client.post("/api/login", json={"email": member.email, "password": PASSWORD}).data

    assert re.fullmatch(rb'\{"success":true,"result":\{"auth_token":"[A-Za-z0-9_-]+"\}\}', body)


def test_a_logout(client, member):
    assert client.delete("/api/login", headers=member.headers).data == b'{"success":true}'


def test_the_occurrences_of_the_vendors_page(client, member, vendors_crash, run_workers):
    url = f"/api/crashes/{vendors_crash.identifier}/occurrences"

    loading = client.get(url, headers=member.headers)
    run_workers()
    finished = client.get(url, headers=member.headers)

    job_id = loading.json["job_id"]
    assert re.fullmatch(r"[0-9a-f]{24}", job_id)
    assert loading.data == envelope(b"true", job_id, b"[]")
    assert finished.data == envelope(b"false", job_id, THE_VENDORS_ROWS)
    assert finished.headers["Content-Type"] == loading.headers["Content-Type"] == "application/json"


def test_a_list_with_some_rows_while_it_is_loading(client, services, member, vendors_crash):
    url = f"/api/crashes/{vendors_crash.identifier}/occurrences"
    job_id = client.get(url, headers=member.headers).json["job_id"]
    services.storage.put_bytes(f"jobs/{job_id}/1/preview.json", THE_VENDORS_ROWS)
    with services.db.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE jobs SET state = 'running', attempt = 1, preview_key = ?", (f"jobs/{job_id}/1/preview.json",)
        )

    assert client.get(url, headers=member.headers).data == envelope(b"true", job_id, THE_VENDORS_ROWS)


def test_an_export(client, member, run_workers):
    url = export_url(digested(client, member, run_workers))

    loading = client.get(url, headers=member.headers)
    run_workers()
    finished = client.get(url, headers=member.headers)

    result = finished.json["result"]
    assert loading.data == envelope(b"true", loading.json["job_id"], b"null")
    expected = (
        f'{{"url":"{result["url"]}","filename":"{LOG_ID}-crash-1.json","content_type":"application/json",'
        f'"size":{result["size"]},"sha256":"{result["sha256"]}","expires_at":"2018-09-14T12:00:00Z"}}'
    )
    assert finished.data == envelope(b"false", loading.json["job_id"], expected.encode())
    assert re.fullmatch(r"http://localhost/api/downloads/[A-Za-z0-9_.-]+", result["url"])
    assert re.fullmatch(r"[0-9a-f]{64}", result["sha256"])


def test_an_upload_and_its_states(client, member, run_workers):
    url = f"/api/apps/{member.app.identifier}/logs"
    sent = client.post(f"{url}?log_id={LOG_ID}", data=kscrash(), headers=member.sender)
    client.post(f"{url}?log_id=unknown-format", data=b"\x80", headers=member.sender)
    received = client.get(f"{url}/{LOG_ID}", headers=member.headers)
    run_workers()
    done, rejected = (client.get(f"{url}/{name}", headers=member.headers) for name in (LOG_ID, "unknown-format"))

    head = b'{"success":true,"result":{"log_id":"%s",' % LOG_ID.encode()
    assert (sent.status_code, sent.data) == (202, head + b'"status":"received"}}')
    assert received.data == head + b'"date":"2018-09-13","status":"received","error_message":null,"occurrences":[]}}'
    crash = done.json["result"]["occurrences"][0]["crash_identifier"].encode()
    assert done.data == head + (
        b'"date":"2018-09-13","status":"digested","error_message":null,'
        b'"occurrences":[{"id":"%s-crash-1","crash_identifier":"%s"}]}}' % (LOG_ID.encode(), crash)
    )
    assert rejected.data == (
        b'{"success":true,"result":{"log_id":"unknown-format","date":"2018-09-13","status":"rejected","error_message":'
        b'"The log is in no known format: it is binary data or text in an unknown encoding","occurrences":[]}}'
    )


def test_apps_and_crashes(client, services, member):
    crash = make_crash(services, member.app, occurrences=1)

    apps = client.get("/api/apps", headers=member.headers).data
    crashes = client.get(f"/api/apps/{member.app.identifier}/crashes", headers=member.headers).data

    assert apps == (
        b'{"success":true,"result":[{"identifier":"%s","name":"Notes","created_at":"2018-09-13T12:00:00Z"}]}'
        % member.app.identifier.encode()
    )
    assert crashes == (
        b'{"success":true,"result":[{"identifier":"%s","title":"NSRangeException in -[Notebook pageAtIndex:]",'
        b'"first_seen":"2018-09-13T12:00:00Z","last_seen":"2018-09-13T12:00:00Z","occurrences_count":1,'
        b'"state":"open","resolved_in":null,"ignored_until":null,"assignee":null,"regressed_at":null,"users":null}]}'
        % crash.identifier.encode()
    )


@pytest.mark.parametrize("endpoint", ["occurrences", "export_occurrences"])
def test_the_vendors_errors(client, services, member, endpoint):
    hidden = make_crash(services, make_member(services, "mallory@example.com").app)

    unknown = client.get(f"/api/crashes/{'0' * 24}/{endpoint}", headers=member.headers)
    foreign = client.get(f"/api/crashes/{hidden.identifier}/{endpoint}", headers=member.headers)

    assert (unknown.status_code, unknown.data) == (404, NO_CRASH)
    assert (foreign.status_code, foreign.data) == (404, NO_ACCESS)


def test_an_export_without_its_parameters(client, services, member):
    crash = make_crash(services, member.app)

    answer = client.get(f"/api/crashes/{crash.identifier}/export_occurrences", headers=member.headers)

    assert (answer.status_code, answer.data) == (400, NO_IDS)


def error(word: str, sentence: str) -> bytes:
    return b'{"success":false,"status":"%s","error_message":"%s"}' % (word.encode(), sentence.encode())


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "body"),
    [
        ("GET", "/api/apps", {}, 401, NO_TOKEN),
        ("GET", "/api/crashes/x/occurrences", {}, 401, NO_TOKEN),
        ("GET", "/api/crashes/x/export_occurrences", {}, 401, NO_TOKEN),
        (
            "POST",
            "/api/login",
            {"json": {"email": "a@b", "password": "x"}},
            401,
            error("unauthorized", "Wrong e-mail or password"),
        ),
        ("GET", "/api/x", {}, 404, error("not_found", "There is nothing at this path")),
        ("GET", "/api/downloads/x", {}, 404, error("not_found", "This link is not valid")),
        ("PUT", "/api/apps", {}, 405, error("method_not_allowed", "This path does not take this method")),
        ("POST", "/api/login", {"data": b"x" * 20_000}, 413, error("payload_too_large", "The body is too large")),
        ("GET", "/readyz", {}, 503, error("unavailable", "Down: worker; up: database, broker, storage")),
    ],
)
def test_errors_without_a_token(client, method, path, options, status, body):
    answer = client.open(path, method=method, **options)

    assert (answer.status_code, answer.data) == (status, body)
    assert answer.headers["Content-Type"] == "application/json"


def test_errors_of_jobs(client, services, member, vendors_crash, run_workers):
    url = f"/api/crashes/{vendors_crash.identifier}/occurrences"
    cancelled = client.get(url, headers=member.headers).json["job_id"]
    client.delete(f"/api/jobs/{cancelled}", headers=member.headers)

    unknown = client.get(f"{url}?job_id={'0' * 24}", headers=member.headers)
    gone = client.get(f"{url}?job_id={cancelled}", headers=member.headers)

    assert (unknown.status_code, unknown.data) == (404, error("not_found", "Job not found"))
    assert (gone.status_code, gone.data) == (410, error("gone", "The job was cancelled"))


def test_names_in_other_scripts_are_written_as_they_are(client, services, member):
    with services.db.write() as session:
        session.connection().exec_driver_sql("UPDATE apps SET name = 'Käse ✓ 日本'")

    assert '"name":"Käse ✓ 日本"'.encode() in client.get("/api/apps", headers=member.headers).data
