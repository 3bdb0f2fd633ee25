"""Reports of ACRA, and minidumps as Breakpad and Crashpad upload them."""

import base64
import gzip
import io
import json
import struct

from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app.db.models.log import find_log
from app.samples import FOLDER
from tests.minidumps import dump, windows_spec
from tests.uploads import export_url

REPORT = {
    "REPORT_ID": "0a9f2c6e-1111-4222-8333-944455566677",
    "STACK_TRACE": "java.lang.Error: x\n\tat a.B.c(B.java:1)",
}


def minidump() -> bytes:
    """The least minidump: a header and a directory of one stream, which is empty."""
    return struct.pack("<4sIIIIIQ", b"MDMP", 0xA793, 1, 32, 0, 0, 0) + struct.pack("<III", 7, 0, 44)


def stored(services, member, log_id: str) -> bytes:
    with services.db.read() as session:
        row = find_log(session, member.app.id, log_id)
    assert row
    return services.storage.get(row.storage_key)


def form(**fields: str) -> tuple[bytes, str]:
    boundary, body = encode_multipart(
        {**fields, "upload_file_minidump": FileStorage(io.BytesIO(minidump()), "crash.dmp")}
    )
    return body, f"multipart/form-data; boundary={boundary}"


def basic(login: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()}


def test_a_breakpad_form_is_stored_as_a_dump_that_holds_its_fields(client, services, member):
    body, kind = form(prod="Notes", ver="2.4.1")

    answer = client.post(f"/api/{member.app.id}/minidump/?sentry_key={member.ingest_key}", data=body, content_type=kind)

    log_id = answer.text.strip().removeprefix("CrashID=bp-")
    content = stored(services, member, log_id)
    streams, directory = struct.unpack_from("<II", content, 8)
    kind_of_stream, size, place = struct.unpack_from("<III", content, directory + 12)
    assert (answer.status_code, answer.mimetype, streams) == (200, "text/plain", 2)
    assert struct.unpack_from("<III", content, directory) == (7, 0, 44)
    assert kind_of_stream > 0xFFFF
    assert json.loads(content[place : place + size]) == {"prod": "Notes", "ver": "2.4.1"}


def test_a_crashpad_form_is_unpacked_and_sent_again_is_the_same_log(client, services, member):
    body, kind = form(guid="1")
    url = f"/api/{member.app.id}/minidump?sentry_key={member.ingest_key}"

    answers = [
        client.post(url, data=gzip.compress(body), content_type=kind, headers={"Content-Encoding": "gzip"})
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].text == answers[1].text
    assert len(services.broker.messages) == 1


def test_a_dump_alone_is_stored_as_it_is(client, services, member):
    answer = client.post(f"/api/{member.app.id}/minidump/", data=minidump(), headers=basic("crashq", member.ingest_key))

    assert stored(services, member, answer.text.strip().removeprefix("CrashID=bp-")) == minidump()


def test_a_form_without_a_dump_or_cut_short_is_400(client, services, member):
    url = f"/api/{member.app.id}/minidump/?sentry_key={member.ingest_key}"
    boundary, without = encode_multipart({"prod": "Notes"})
    body, kind = form()

    answers = [
        client.post(url, data=without, content_type=f"multipart/form-data; boundary={boundary}"),
        client.post(url, data=body[: len(body) // 2], content_type=kind),
        client.post(url, data=body, content_type="multipart/form-data"),
        client.post(url, data=b"MDM"),
        client.post(url, data=body.replace(b"MDMP", b"PMDM"), content_type=kind),
    ]

    assert [answer.status_code for answer in answers] == [400] * 5
    assert services.broker.messages == []


def test_a_dump_with_a_broken_directory_is_stored_as_it_is(client, services, member):
    broken = minidump()[:8] + struct.pack("<II", 2**32 - 1, 2**32 - 1) + minidump()[16:]

    answer = client.post(f"/api/{member.app.id}/minidump/?sentry_key={member.ingest_key}&a=b", data=broken)

    assert stored(services, member, answer.text.strip().removeprefix("CrashID=bp-")) == broken


def test_an_acra_report_is_stored_by_post_and_put_under_one_name(client, services, member):
    body, login = json.dumps(REPORT).encode(), basic("notes", member.ingest_key)

    posted = client.post(f"/api/{member.app.id}/acra", data=body, headers=login, content_type="application/json")
    put = client.put(f"/api/{member.app.id}/acra/{REPORT['REPORT_ID']}", data=body, headers=login)

    log_id = f"acra-{REPORT['REPORT_ID']}"
    assert (posted.status_code, put.status_code) == (200, 200)
    assert posted.json["result"] == put.json["result"] == {"log_id": log_id, "status": "received"}
    assert stored(services, member, log_id) == body


def test_an_acra_report_that_is_no_json_or_has_no_key_is_refused(client, member):
    url, login = f"/api/{member.app.id}/acra/", basic("notes", member.ingest_key)

    answers = [
        client.post(url, data=b"nothing", headers=login),
        client.post(url, data=b"[]", headers=login),
        client.post(url, data=b"{}"),
        client.post(url, data=b"{}", headers=basic("notes", "0" * 32)),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 401, 401]


def test_an_uploaded_minidump_becomes_an_occurrence_with_its_report(client, member, run_workers):
    boundary, body = encode_multipart(
        {"comment": "at the till", "upload_file_minidump": FileStorage(io.BytesIO(dump(windows_spec())), "crash.dmp")}
    )
    kind = f"multipart/form-data; boundary={boundary}"

    sent = client.post(f"/api/{member.app.id}/minidump/?sentry_key={member.ingest_key}", data=body, content_type=kind)
    run_workers()
    log_id = sent.text.strip().removeprefix("CrashID=bp-")
    log = client.get(f"/api/apps/{member.app.identifier}/logs/{log_id}", headers=member.headers).json["result"]
    url = export_url(log)
    client.get(url, headers=member.headers)
    run_workers()
    report = json.loads(client.get(client.get(url, headers=member.headers).json["result"]["url"]).data)

    assert (log["status"], len(log["occurrences"])) == ("digested", 1)
    assert report["custom"] == {"comment": "at the till"}
    assert report["exceptions"][0]["type"] == "EXCEPTION_ACCESS_VIOLATION"


def test_an_acra_report_becomes_an_occurrence(client, member, run_workers):
    body = next((FOLDER / "acra-json").iterdir()).read_bytes()

    sent = client.post(f"/api/{member.app.id}/acra/", data=body, headers=basic("notes", member.ingest_key))
    run_workers()

    url = f"/api/apps/{member.app.identifier}/logs/{sent.json['result']['log_id']}"
    log = client.get(url, headers=member.headers).json["result"]
    assert (log["status"], len(log["occurrences"])) == ("digested", 1)
