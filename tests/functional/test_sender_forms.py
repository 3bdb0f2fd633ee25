"""Forms of senders: files that nobody reads cost no crash report, and dumps may be packed within their form."""

import gzip
import io
import json
import zlib
from dataclasses import replace

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app import create_app
from tests.functional.test_dump_senders import REPORT, basic, minidump, stored

LIMIT = 100_000  # bytes of a log


@pytest.fixture
def client(services):
    return create_app(replace(services, config=replace(services.config, max_log_bytes=LIMIT))).test_client()


@pytest.fixture
def post(client, member):
    def send(path: str, *, packed: bool = False, **parts: str | bytes):
        files = {
            name: FileStorage(io.BytesIO(part), "a.bin") if isinstance(part, bytes) else part
            for name, part in parts.items()
        }
        boundary, body = encode_multipart(files)
        return client.post(
            f"/api/{member.app.id}/{path}/",
            data=gzip.compress(body) if packed else body,
            content_type=f"multipart/form-data; boundary={boundary}",
            headers={**basic("notes", member.ingest_key), **({"Content-Encoding": "gzip"} if packed else {})},
        )

    return send


def noise(size: int) -> bytes:
    """Bytes that no packer makes smaller."""
    return b"".join(zlib.crc32(number.to_bytes(4, "big")).to_bytes(4, "big") for number in range(size // 4))


@pytest.mark.parametrize("is_packed", [False, True])
def test_files_beside_a_dump_may_be_larger_than_a_log(post, services, member, is_packed):
    answer = post(
        "minidump", packed=is_packed, log=noise(3 * LIMIT), upload_file_minidump=minidump(), ver="1", more=noise(LIMIT)
    )

    content = stored(services, member, answer.text.strip().removeprefix("CrashID=bp-"))
    assert answer.status_code == 200
    assert len(content) < 1_000
    assert b'{"ver": "1"}' in content


def test_files_beside_a_report_of_acra_may_be_larger_than_a_log(post, services, member):
    answer = post("acra", ACRA_ATTACHMENT=noise(3 * LIMIT), ACRA_REPORT=json.dumps(REPORT).encode())

    assert answer.status_code == 200
    assert json.loads(stored(services, member, answer.json["result"]["log_id"])) == REPORT


@pytest.mark.parametrize(
    "parts",
    [
        {"upload_file_minidump": minidump() + bytes(LIMIT)},
        {"upload_file_minidump": gzip.compress(minidump() + bytes(LIMIT))},
        {"upload_file_minidump": minidump(), "log": noise(6 * LIMIT)},
        {"upload_file_minidump": minidump(), **{f"f{number}": "x" for number in range(1_001)}},
        {"upload_file_minidump": minidump(), "comment": "x" * (LIMIT * 4), "other": "x" * (LIMIT * 2)},
    ],
    ids=["the dump", "the unpacked dump", "six times too much", "too many fields", "too much text"],
)
def test_what_is_too_large_all_the_same_is_413_and_stores_nothing(post, services, parts):
    answer = post("minidump", **parts)

    assert (answer.status_code, answer.json["status"]) == (413, "payload_too_large")
    assert services.broker.messages == []


def test_a_dump_that_is_packed_within_the_form_or_alone_is_the_same_log(post, client, services, member):
    dump = minidump()

    plain = post("minidump", upload_file_minidump=dump)
    in_form = post("minidump", upload_file_minidump=gzip.compress(dump))
    alone = client.post(f"/api/{member.app.id}/minidump/?sentry_key={member.ingest_key}", data=gzip.compress(dump))

    assert {answer.text for answer in (plain, in_form, alone)} == {plain.text}
    assert stored(services, member, plain.text.strip().removeprefix("CrashID=bp-")) == dump


def test_a_packed_dump_that_is_cut_is_400(post, services):
    answer = post("minidump", upload_file_minidump=gzip.compress(minidump())[:-9])

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert services.broker.messages == []
