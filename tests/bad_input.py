"""The table of bad input, sent over HTTP to an app on any database: logs, requests, and the good log that follows."""

import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from functools import cache

from tests.factories import kscrash

GIB = 1024**3


@cache
def gzip_bomb() -> bytes:
    """A whole gzip file of about 1 MB that unpacks to 1 GiB of zeros, put together without ever unpacking it."""
    zeros = bytes(4 * 1024 * 1024)
    times = GIB // len(zeros)
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(times):
        checksum = zlib.crc32(zeros, checksum)
    header = b"\x1f\x8b\x08" + bytes(7)
    return header + block * times + packer.flush() + struct.pack("<II", checksum, GIB)


def many_frames(number: int) -> bytes:
    """A KSCrash report whose crashed thread has that many frames."""
    report = json.loads(kscrash())
    frame = {"instruction_addr": 4295012345, "object_name": "Notes", "symbol_name": "recurse"}
    report["crash"]["threads"][0]["backtrace"]["contents"] = [frame] * number
    return json.dumps(report, separators=(",", ":")).encode()


def changed(old: str, new: str) -> bytes:
    """A KSCrash report with one piece of its text replaced."""
    text = kscrash().decode()
    assert old in text
    return text.replace(old, new, 1).encode()


REJECTED: dict[str, bytes] = {
    "one byte": b"\n",
    "binary noise": bytes(range(256)) * 40,
    "NUL bytes": bytes(1_000),
    "UTF-16 without BOM": kscrash().decode().encode("utf-16-le"),
    "Latin-1": changed("unrecognized", "Käse").decode().encode("latin-1"),
    "UTF-8 cut in a letter": changed("unrecognized", "ä")[:-1] + b"\xc3",
    "cut in the middle": kscrash()[: len(kscrash()) // 2],
    "cut at the last byte": kscrash()[:-1],
    "JSON 10,000 lists deep": b"[" * 10_000 + b"]" * 10_000,
    "JSON 10,000 objects deep": b'{"crash":' * 10_000 + b"1" + b"}" * 10_000,
    "JSON never closed": b"[" * 100_000,
    "JSON of another kind": b'{"hello":"world"}',
    "a JSON text": b'"crash"',
    "NaN": b"NaN",
    "prose": b"Dear sir or madam,\nit crashed.\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a gzip file of no log, not said to be one": gzip.compress(b"Dear sir or madam", mtime=0),
    "NUL in JSON": kscrash().replace(b"Notes", b"No\0es"),
}
"""Name -> a log that has to end as rejected, with a reason."""

ENDURED: dict[str, bytes] = {
    "a gzip file not said to be one": gzip.compress(kscrash(), mtime=0),
    "200,000 frames": many_frames(200_000),
    "200,000 Java frames": b"java.lang.StackOverflowError\n" + b"\tat a.B.c(B.java:1)\n" * 200_000,
    "20,000 causes": b"a.E: x\n\tat a.B.c(B.java:1)\n" + b"Caused by: a.E: x\n\tat a.B.c(B.java:1)\n" * 20_000,
    "UTF-16 with BOM": kscrash().decode().encode("utf-16"),
    "a number beyond 64 bits": changed("4295012345", "9" * 30),
    "a number of 5,000 digits": changed("4295012345", "9" * 5_000),
    "a negative address": changed("4295012345", "-5"),
    "1e999": changed("4295012345", "1e999"),
    "duplicate keys": changed('"reason":', '"reason": 1, "reason":'),
    "escaped NUL": changed("unrecognized", "nul \\u0000 here"),
    "escaped NUL in the exception's name": changed("NSInvalidArgumentException", "NS\\u0000Exception"),
    "escaped NUL in a symbol": changed("-[PageView tapped:]", "-[Page\\u0000View tapped:]"),
    "lone surrogate": changed("unrecognized", "\\ud800"),
    "lone surrogate in the exception's name": changed("NSInvalidArgumentException", "NS\\udfffException"),
    "lone surrogate in a symbol": changed("-[PageView tapped:]", "-[Page\\ud800View tapped:]"),
    "a reason of 1 MB": changed("unrecognized", "x" * 1_000_000),
    "a name of 100,000 letters": changed("NSInvalidArgumentException", "N" * 100_000),
    "the year 0": changed("2018-09-13T08:02:53Z", "0000-01-01T00:00:00Z"),
    "the year 1": changed("2018-09-13T08:02:53Z", "0001-01-01T00:00:00Z"),
    "30 February": changed("2018-09-13T08:02:53Z", "2018-02-30T08:02:53Z"),
    "a time of no sense": changed('"2018-09-13T08:02:53Z"', "1e300"),
    "text for a list": changed('"threads": [', '"threads": "none", "other": ['),
    "null for the error": changed('"error": {', '"error": null, "other": {'),
    "a number for the report": changed('"report": {', '"report": 5, "other": {'),
}
"""Name -> a log that may be digested or rejected, but never holds up a worker."""

UPLOADS: list[tuple[str, bytes, dict[str, str], int]] = [
    ("", b"", {}, 400),
    ("", b"", {"Content-Encoding": "gzip"}, 400),
    ("", gzip.compress(b"", mtime=0), {"Content-Encoding": "gzip"}, 400),
    ("", gzip.compress(kscrash(), mtime=0)[:-9], {"Content-Encoding": "gzip"}, 400),
    ("", gzip.compress(kscrash(), mtime=0)[:5], {"Content-Encoding": "gzip"}, 400),
    ("", kscrash(), {"Content-Encoding": "gzip"}, 400),
    ("", gzip.compress(kscrash(), mtime=0)[:-8] + bytes(8), {"Content-Encoding": "gzip"}, 400),
    ("", gzip.compress(b"x", mtime=0) + b"trailing", {"Content-Encoding": "gzip"}, 400),
    ("", kscrash(), {"Content-Encoding": "nonsense"}, 415),
    *((f"?log_id={name}", kscrash(), {}, 400) for name in
      ("", "..%2Fa", "../a", "a/b", "a%00", "%00", "a%0A", "x" * 129, "x" * 300, "%FF", "%ED%A0%80", ".a", "a%20b", "%C3%A4")),
]  # fmt: skip
"""(query, body, headers, status) of uploads to refuse."""

JUNK = [
    "%00",
    "a%00b",
    "%FF",
    "%ED%A0%80",
    "%C3%28",
    "x" * 3_000,
    "..%2F..%2Fetc",
    "%27%20OR%201=1--",
    "%0A",
    "%F0%9F%92%A5",
]
"""Percent-encoded pieces to put wherever a client may name something."""


def hostile_requests(app: str, crash: str, job: str) -> Iterator[tuple[str, str]]:
    """(method, path) of requests with junk in every identifier and parameter; each has to get an answer below 500."""
    for junk in JUNK:
        yield "GET", f"/api/apps/{junk}/crashes"
        yield "POST", f"/api/apps/{junk}/logs"
        yield "GET", f"/api/apps/{app}/logs/{junk}"
        yield "GET", f"/api/crashes/{junk}/occurrences"
        yield "GET", f"/api/crashes/{junk}/export_occurrences"
        yield "GET", f"/api/jobs/{junk}"
        yield "DELETE", f"/api/jobs/{junk}"
        yield "GET", f"/api/downloads/{junk}"
        for name in ("page", "per_page", "sort", "since_date", "until_date", junk):
            yield "GET", f"/api/apps/{app}/crashes?{name}={junk}"
        for name in ("page", "per_page"):
            yield "GET", f"/api/apps?{name}={junk}"
            yield "GET", f"/api/jobs?{name}={junk}"
        for name in ("page", "per_page", "since_date", "until_date", "job_id", junk):
            yield "GET", f"/api/crashes/{crash}/occurrences?{name}={junk}"
        for name in ("id", "log_id", "date", "start_day", "format", "job_id"):
            others = "&".join(f"{other}=2018-09-13" for other in ("id", "log_id", "date") if other != name)
            yield "GET", f"/api/crashes/{crash}/export_occurrences?{name}={junk}&{others}"
    for date in (
        "2018-02-30",
        "13-09-2018",
        "0000-01-01",
        "0001-01-01",
        "9999-12-31",
        "9999-12-31T23:59:59.999999Z",
        "10000-01-01",
    ):
        for name in ("since_date", "until_date"):
            yield "GET", f"/api/apps/{app}/crashes?{name}={date}"
            yield "GET", f"/api/crashes/{crash}/occurrences?{name}={date}"
    for number in ("0", "-1", "10001", "9" * 19, "9" * 25, "9" * 5_000, "1e9", "0x10", "1_000"):
        for path in ("/api/apps", "/api/jobs", f"/api/apps/{app}/crashes", f"/api/crashes/{crash}/occurrences"):
            yield "GET", f"{path}?page={number}"
            yield "GET", f"{path}?page={number}&per_page={number}"
    yield "GET", f"/api/crashes/{crash}/occurrences?job_id={job}&page=2"
