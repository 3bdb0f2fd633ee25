"""What exporters of OpenTelemetry send: log records over OTLP/HTTP, in protobuf and JSON."""

import gzip
import json
from dataclasses import replace

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from app import create_app
from tests.factories import make_member
from tests.functional.test_dump_senders import stored

PROTOBUF, JSON = "application/x-protobuf", "application/json"
TIME = 1_714_987_200_000_000_000


def request(*types: str | None, time: int = TIME) -> ExportLogsServiceRequest:
    """A record of each type of exception, or without an exception."""
    made = ExportLogsServiceRequest()
    logs = made.resource_logs.add()
    logs.resource.attributes.add(key="service.version").value.string_value = "1.2"
    scope = logs.scope_logs.add()
    for kind in types:
        record = scope.log_records.add(time_unix_nano=time, severity_number=17)
        record.body.string_value = "logged"
        if kind:
            record.attributes.add(key="exception.type").value.string_value = kind
    return made


def as_json(kind: str) -> bytes:
    attributes = [{"key": "exception.type", "value": {"stringValue": kind}}]
    records = [{"timeUnixNano": str(TIME), "attributes": attributes, "traceId": "5b8efff798038103d269b633813fc60c"}]
    return json.dumps(
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}, *records]}]}]}
    ).encode()


@pytest.fixture
def send(client, member):
    def post(
        body: bytes, kind: str = PROTOBUF, *, path: str | None = None, key: str | None = None, client=client, **more
    ):
        url = path or f"/api/{member.app.id}/v1/logs"
        headers = {"Authorization": f"Bearer {key or member.ingest_key}", **more}
        return client.post(url, data=body, content_type=kind, headers=headers)

    return post


@pytest.fixture
def logs(client, member, run_workers):
    def listed() -> list[dict]:
        run_workers()
        return client.get(f"/api/apps/{member.app.identifier}/logs", headers=member.headers).json["result"]

    return listed


def test_each_record_with_an_exception_is_an_occurrence_and_others_are_dropped(send, logs):
    answer = send(request(None, "E", None, "F").SerializeToString())

    assert (answer.status_code, answer.mimetype, answer.data) == (200, PROTOBUF, b"")
    assert [(log["status"], log["format"], log["occurrences_count"]) for log in logs()] == [
        ("digested", "otlp-logs", 1)
    ] * 2


def test_a_record_is_stored_as_otlp_has_it_in_json(send, services, member, logs):
    send(request("E").SerializeToString())

    [log] = logs()
    content = json.loads(stored(services, member, log["log_id"]))
    assert content["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0] == {
        "timeUnixNano": str(TIME),
        "severityNumber": 17,
        "body": {"stringValue": "logged"},
        "attributes": [{"key": "exception.type", "value": {"stringValue": "E"}}],
    }


def test_json_is_answered_with_json_and_the_host_alone_is_an_address(send, logs):
    answer = send(as_json("E"), JSON, path="/v1/logs")

    assert (answer.status_code, answer.mimetype, answer.json) == (200, JSON, {})
    assert [log["status"] for log in logs()] == ["digested"]


def test_sentrys_address_with_its_header_is_taken(client, member, logs):
    answer = client.post(
        f"/api/{member.app.id}/integration/otlp/v1/logs",
        data=as_json("E"),
        content_type=JSON,
        headers={"X-Sentry-Auth": f"sentry sentry_key={member.ingest_key}"},
    )

    assert (answer.status_code, [log["status"] for log in logs()]) == (200, ["digested"])


def test_a_request_that_is_sent_again_is_the_same_logs(send, services):
    body = request("E", "F").SerializeToString()

    answers = [send(body), send(gzip.compress(body), **{"Content-Encoding": "gzip"})]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(services.broker.messages) == 2


def test_records_without_a_time_that_are_alike_are_two(send, services):
    for _ in range(2):
        send(request("E", time=0).SerializeToString())

    assert len(services.broker.messages) == 2


def test_no_record_without_a_crash_is_stored_with_one_that_has(send, services, member, logs):
    send(request(None, "E").SerializeToString())

    [log] = logs()
    content = json.loads(stored(services, member, log["log_id"]))
    assert [len(scope["logRecords"]) for scope in content["resourceLogs"][0]["scopeLogs"]] == [1]
    assert content["resourceLogs"][0]["resource"]["attributes"][0]["key"] == "service.version"


@pytest.mark.parametrize("path", [None, "/v1/logs"])
def test_a_key_that_is_unknown_missing_or_another_apps_is_refused(send, client, services, member, path):
    other = make_member(services, "mallory@example.com")
    body = request("E").SerializeToString()

    unknown, others = send(body, path=path, key="0" * 32), send(body, path=path, key=other.ingest_key)
    login = send(body, path=path, key=member.token)
    missing = client.post(path or f"/api/{member.app.id}/v1/logs", data=body, content_type=PROTOBUF)

    assert (unknown.status_code, login.status_code, missing.status_code) == (401, 401, 401)
    assert others.status_code == (200 if path else 404)  # the key alone is the other app's
    assert len(services.broker.messages) == (1 if path else 0)


RUBBISH = {
    "rubbish": b"rubbish",
    "cut short": request("E").SerializeToString()[:-3],
    "JSON cut short": as_json("E")[:-3],
    "deep": b"\x0a\x7f" * 200,
    "no text": b"\xff" * 40,
}


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_is_400_and_stores_nothing(send, services, name, kind):
    answer = send(RUBBISH[name], kind)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert services.broker.messages == []


@pytest.mark.parametrize(("body", "kind"), [(b"", PROTOBUF), (b"{}", JSON), (b'{"resourceLogs":[]}', JSON)])
def test_an_export_of_nothing_is_answered_and_dropped(send, services, body, kind):
    assert send(body, kind).status_code == 200
    assert services.broker.messages == []


def test_what_is_too_large_or_of_too_many_messages_is_413(send, services):
    small = create_app(replace(services, config=replace(services.config, max_log_bytes=500))).test_client()
    records = b"\x12\x00" * 500_001
    scopes = b"\x12" + varint(len(records)) + records

    answers = [
        send(request(*["E" * 100] * 9).SerializeToString(), client=small),
        send(b"\x0a" + varint(len(scopes)) + scopes),
    ]

    assert [answer.status_code for answer in answers] == [413, 413]


def varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


def test_crashes_beyond_a_thousand_are_told_as_rejected(send, services):
    services.broker.messages.clear()
    many = request(*[f"E{number}" for number in range(1_002)])

    answer = send(many.SerializeToString())

    response = ExportLogsServiceResponse.FromString(answer.data)
    assert (answer.status_code, response.partial_success.rejected_log_records) == (200, 2)
    assert len(services.broker.messages) == 1_000
