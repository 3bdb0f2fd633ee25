"""The zip report: what is in it, and that it is the same every time."""

import io
import random
import zipfile
from dataclasses import replace

import pytest

from app.reports import html_report, json_report, text_report, zip_report


def opened(report) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(zip_report.write(report))))


def test_it_holds_the_three_reports_and_the_log_as_it_was_uploaded(make_report):
    report = make_report(raw=bytes(range(256)) * 3_000)

    archive = opened(report)

    stem = "7-1536840000-logs-00003-crash-1"
    assert archive.namelist() == [f"{stem}.json", f"{stem}.txt", f"{stem}.html", "raw-7-1536840000-logs-00003.json"]
    assert archive.testzip() is None
    assert archive.read(f"{stem}.json") == b"".join(json_report.write(report))
    assert archive.read(f"{stem}.txt") == b"".join(text_report.write(report))
    assert archive.read(f"{stem}.html") == b"".join(html_report.write(report))
    assert archive.read("raw-7-1536840000-logs-00003.json") == report.raw


def test_an_empty_log_is_an_empty_file(make_report):
    assert opened(make_report(raw=b"")).read("raw-7-1536840000-logs-00003.json") == b""


def test_the_same_report_gives_the_same_bytes_with_a_fixed_time(make_report):
    report = make_report()

    assert b"".join(zip_report.write(report)) == b"".join(zip_report.write(report))
    assert {entry.date_time for entry in opened(report).infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    ("occurrence_id", "raw_filename", "stem", "raw"),
    [
        ("../../etc/x", "..\\..\\boot.ini", "etc_x", "raw-boot.ini"),
        ("a b:c\n", "/abs/ü.crash", "a_b_c", "raw-abs_.crash"),
        ("...", "", "occurrence", "raw-log"),
    ],
)
def test_names_cannot_leave_the_folder_they_are_unpacked_to(make_report, occurrence_id, raw_filename, stem, raw):
    names = opened(make_report(occurrence_id=occurrence_id, raw_filename=raw_filename)).namelist()

    assert names == [f"{stem}.json", f"{stem}.txt", f"{stem}.html", raw]


def test_it_is_handed_out_while_it_is_packed(make_report, apple_log):
    raw = random.Random(7).randbytes(3_000_000)

    chunks = list(zip_report.write(make_report(replace(apple_log), raw=raw)))

    assert max(map(len, chunks)) < 600_000
    assert sum(map(len, chunks)) > 3_000_000


def test_each_entry_is_packed_by_isal(make_report, monkeypatch):
    packers = []
    make = zip_report.isal_zlib.compressobj
    monkeypatch.setattr(zip_report.isal_zlib, "compressobj", lambda *how: packers.append(how) or make(*how))

    archive = opened(make_report())

    assert len(packers) == len(archive.namelist()) == 4
    assert archive.testzip() is None
