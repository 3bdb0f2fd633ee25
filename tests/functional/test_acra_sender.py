"""The bodies of ACRA's HttpSender: JSON and forms, alone and in a form with attachments."""

import json
from urllib.parse import urlencode

import pytest

from tests.functional.test_dump_senders import REPORT, basic, stored
from tests.uploads import export_url

BOUNDARY = "%&ACRA_REPORT_DIVIDER&%"  # ACRA's own
LOG_ID = f"acra-{REPORT['REPORT_ID']}"
FORM = {
    **REPORT,
    "PACKAGE_NAME": "com.example.notes",
    "ANDROID_VERSION": "14",
    "IS_SILENT": "false",
    "BUILD": "DISPLAY=UP1A\nMODEL=tab7\nMANUFACTURER=Acme",
    "THREAD_DETAILS": "id=2\nname=main",
    "CUSTOM_DATA": "",
    "USER_COMMENT": "ü & 100 %",
}


def multipart(report: bytes, head: str, preamble: bytes = b"", boundary: str = BOUNDARY) -> bytes:
    line = f"--{boundary}\r\n".encode()
    part = (
        f'Content-Disposition: form-data; name="ACRA_REPORT"{head}\r\nContent-Type: application/json\r\n\r\n'.encode()
    )
    file = (
        b'Content-Disposition: form-data; name="ACRA_ATTACHMENT"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    return preamble + line + part + report + b"\r\n" + line + file + b"\x89PNG\0\xff\r\n" + line[:-2] + b"--\r\n"


@pytest.fixture
def post(client, member):
    def send(body: bytes, content_type: str, path: str = "", method=client.post):
        url = f"/api/{member.app.id}/acra{path}"
        return method(url, data=body, content_type=content_type, headers=basic("notes", member.ingest_key))

    return send


@pytest.mark.parametrize("head", ["", '; filename=""'], ids=["as a field", "as a file without a name"])
@pytest.mark.parametrize("preamble", [b"", b"\r\n"], ids=["", "after an empty line"])
def test_a_report_with_attachments_is_stored_without_them(post, services, member, head, preamble):
    report = json.dumps(REPORT).encode()

    answer = post(multipart(report, head, preamble), f"multipart/form-data; boundary={BOUNDARY}")

    assert answer.json["result"] == {"log_id": LOG_ID, "status": "received"}
    assert stored(services, member, LOG_ID) == report


def test_a_report_as_a_form_is_an_occurrence_like_one_as_json(post, client, member, run_workers):
    answer = post(urlencode(FORM).encode(), "application/x-www-form-urlencoded")
    run_workers()

    log = client.get(f"/api/apps/{member.app.identifier}/logs/{LOG_ID}", headers=member.headers).json["result"]
    url = export_url(log)
    client.get(url, headers=member.headers)
    run_workers()
    report = json.loads(client.get(client.get(url, headers=member.headers).json["result"]["url"]).data)
    assert answer.status_code == 200
    assert report["exceptions"][0]["type"] == "java.lang.Error"
    assert (report["device"]["model"], report["device"]["manufacturer"]) == ("tab7", "Acme")
    assert report["custom"] == {"user_comment": "ü & 100 %"}


def test_a_form_in_a_form_with_attachments_is_the_same_log(post, services, member):
    plain = post(urlencode(FORM).encode(), "application/x-www-form-urlencoded")

    packed = post(multipart(urlencode(FORM).encode(), ""), f"multipart/form-data; boundary={BOUNDARY}")

    assert plain.json == packed.json
    assert len(services.broker.messages) == 1
    assert json.loads(stored(services, member, LOG_ID)) == FORM


def test_a_put_report_is_stored_and_its_attachments_are_taken_and_dropped(post, client, services):
    report = json.dumps(REPORT).encode()

    answers = [
        post(report, "application/json", f"/{REPORT['REPORT_ID']}", client.put),
        post(b"\x89PNG\0\xff", "image/png", f"/{REPORT['REPORT_ID']}-a.png", client.put),
    ]

    assert [answer.json["result"] for answer in answers] == [{"log_id": LOG_ID, "status": "received"}] * 2
    assert len(services.broker.messages) == 1


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (multipart(b"{}", ""), "multipart/form-data"),
        (multipart(b"{}", "")[:-9], f"multipart/form-data; boundary={BOUNDARY}"),
        (multipart(b"{}", "").replace(b"ACRA_REPORT", b"OTHER"), "multipart/form-data; boundary=" + BOUNDARY),
        (multipart(b"no report", ""), "multipart/form-data; boundary=" + BOUNDARY),
        (b"&".join(b"A%d=" % number for number in range(1_002)), "application/x-www-form-urlencoded"),
        (b"A=\xff", "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
    ],
)  # fmt: skip
def test_a_form_that_is_broken_or_without_a_report_is_400_and_stores_nothing(post, services, body, content_type):
    answer = post(body, content_type)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert services.broker.messages == []


def test_an_attachment_without_the_key_is_refused(client, member):
    url = f"/api/{member.app.id}/acra/{REPORT['REPORT_ID']}-a.png"

    assert client.put(url, data=b"x").status_code == 401
