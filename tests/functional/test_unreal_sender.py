"""What Unreal Engine's crash reporter sends: one packed file of a dump, the crash's context and logs."""

import gzip
import json
import struct
import zlib
from dataclasses import replace

import pytest

from app import create_app
from app.samples import FOLDER
from tests.functional.test_dump_senders import minidump
from tests.minidumps import dump, windows_spec
from tests.uploads import export_url

CONTEXT = """<?xml version="1.0" encoding="UTF-8"?>
<FGenericCrashContext>
  <RuntimeProperties>
    <CrashGUID>UE4CC-Windows-379993BB42BD8FBED67986857D8844B5_0000</CrashGUID>
    <GameName>UE4-Notes</GameName><BuildVersion>2.4.1</BuildVersion><CrashType>Assert</CrashType>
    <ErrorMessage>Assertion failed: Pages &gt; 0</ErrorMessage><MachineId>0b0c0d0e</MachineId>
    <UserDescription>at the till</UserDescription><Modules><Module>x</Module></Modules>
  </RuntimeProperties>
</FGenericCrashContext>
"""


def name(text: str, size: int = 260) -> bytes:
    return struct.pack("<I", size) + text.encode().ljust(size, b"\0")


def crash(files: dict[str, bytes], *, is_new: bool = True) -> bytes:
    """As CrashReportClient packs it; before the mark `CR1`, the header is at the end too."""
    parts = [
        struct.pack("<I", index) + name(title) + struct.pack("<I", len(content)) + content
        for index, (title, content) in enumerate(files.items())
    ]
    header = (
        name("UE4CC-Windows") + name("UE4CC-Windows.ue4crash") + struct.pack("<II", sum(map(len, parts)), len(files))
    )
    empty = name("") + name("") + bytes(8)
    whole = b"CR1" + header + b"".join(parts) if is_new else empty + b"".join(parts) + header
    return zlib.compress(whole)


FILES = {
    "CrashContext.runtime-xml": CONTEXT.encode(),
    "Notes.log": b"LogInit: hello\n" * 1_000,
    "UE4Minidump.dmp": dump(windows_spec()),
}


@pytest.fixture
def send(client, member):
    def post(body: bytes, *, key: str | None = None, client=client, **headers: str):
        url = f"/api/{member.app.id}/unreal/{key or member.ingest_key}/?AppID=CrashReporter&UploadType=crashreports"
        return client.post(url, data=body, headers=headers)

    return post


@pytest.fixture
def log_of(client, member, run_workers):
    def found(answer) -> dict:
        run_workers()
        url = f"/api/apps/{member.app.identifier}/logs/{answer.text.strip()}"
        return client.get(url, headers=member.headers).json["result"]

    return found


@pytest.mark.parametrize("is_new", [True, False])
def test_a_crash_is_an_occurrence_of_its_minidump_with_the_context(send, log_of, client, member, run_workers, is_new):
    answer = send(crash(FILES, is_new=is_new))
    log = log_of(answer)
    url = export_url(log)
    client.get(url, headers=member.headers)
    run_workers()
    report = json.loads(client.get(client.get(url, headers=member.headers).json["result"]["url"]).data)

    assert (answer.status_code, answer.mimetype, log["status"], len(log["occurrences"])) == (
        200,
        "text/plain",
        "digested",
        1,
    )
    assert report["exceptions"][0]["type"] == "EXCEPTION_ACCESS_VIOLATION"
    assert (report["app"]["version"], report["device"]["install_id"]) == ("2.4.1", "0b0c0d0e")
    assert report["custom"]["comments"] == "at the till"


def test_an_assertion_without_a_dump_is_an_occurrence_of_its_message(send, log_of, client, member):
    log = log_of(send(crash({"CrashContext.runtime-xml": CONTEXT.encode()})))

    [found] = client.get(f"/api/apps/{member.app.identifier}/crashes", headers=member.headers).json["result"]
    assert (log["status"], found["title"]) == ("digested", "Assert: Assertion failed: Pages > 0")


def test_apples_text_stands_in_for_a_dump(send, log_of):
    text = next(one for one in sorted((FOLDER / "apple-text").iterdir()) if one.read_bytes().startswith(b"Incident"))

    assert log_of(send(crash({"minidump.dmp": text.read_bytes()})))["status"] == "digested"


def test_a_crash_that_is_sent_again_is_the_same_log(send, services):
    answers = [
        send(crash(FILES)),
        send(crash(FILES)),
        send(gzip.compress(crash(FILES)), **{"Content-Encoding": "gzip"}),
    ]

    assert len({answer.text for answer in answers}) == len(services.broker.messages) == 1


def test_logs_beside_the_dump_may_be_larger_than_a_log(send, services):
    small = create_app(replace(services, config=replace(services.config, max_log_bytes=100_000))).test_client()

    taken = send(crash({"a.log": bytes(300_000), "b.dmp": minidump()}), client=small)
    refused = [
        send(crash({"a.log": bytes(600_000), "b.dmp": minidump()}), client=small),
        send(crash({"b.dmp": minidump() + bytes(100_000)}), client=small),
    ]

    assert [answer.status_code for answer in (taken, *refused)] == [200, 413, 413]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"rubbish", zlib.compress(b""), zlib.compress(b"CR1"), zlib.compress(bytes(600)), crash({}), crash(FILES)[:-30],
        crash({"a.log": b"x"}), crash({str(number): b"" for number in range(101)}),
        zlib.compress(b"CR1" + struct.pack("<I", 2**32 - 1)),
        zlib.compress(zlib.decompress(crash(FILES))[:-9]),
    ],
)  # fmt: skip
def test_rubbish_is_400_and_stores_nothing(send, services, body):
    answer = send(body)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert services.broker.messages == []


def test_an_unknown_key_is_refused_before_the_body_is_unpacked(send, services):
    assert send(b"rubbish", key="0" * 32).status_code == 401
