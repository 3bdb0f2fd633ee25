"""Archives and JSON Lines: many logs in one, within bounds, with what could not be read told."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest

from app.errors import MalformedLog
from app.parsers import PARSERS, nth, parse, recognise
from app.parsers.archive_members import MAX_MEMBERS
from app.parsers.document import Document, unread_sentence

MIB = 1024 * 1024


def trace(name):
    return f"java.lang.IllegalStateException: {name}\n\tat com.example.{name}.Main.run(Main.java:7)\n".encode()


def acra(name):
    return json.dumps({"STACK_TRACE": trace(name).decode(), "REPORT_ID": name, "BRAND": "e"})


def zipped(files, method=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def messages(raw):
    return [log.faults[0].message for log in parse(raw)]


def unread(raw):
    document = Document(raw)
    recognise(document).parse(document)
    return unread_sentence(document)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_the_reports_of_all_files_come_in_the_order_of_the_archive(pack):
    raw = pack(
        [("b.txt", trace("one")), ("a/c.jsonl", f"{acra('two')}\n{acra('three')}\n".encode()), ("d", trace("z"))]
    )

    assert messages(raw) == ["one", "two", "three", "z"]
    assert parse(raw)[0].notes == ("In the archive: b.txt",)
    assert [name for name, parser in PARSERS.items() if parser.sniff(Document(raw))] == ["archive"]


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_files_that_cannot_be_read_leave_the_others_and_are_told(pack):
    raw = pack([("readme", b"hello"), ("x.txt", trace("one")), ("in.zip", zipped([("y", trace("two"))]))])

    assert messages(raw) == ["one"]
    assert unread(raw) == (
        "readme: The log is text but holds no crash report in a known format; "
        "in.zip: an archive inside an archive is not read"
    )


def test_an_archive_without_a_readable_file_is_refused_with_the_reasons():
    with pytest.raises(MalformedLog, match="no log that can be read: a: The log is empty; b: The log is text"):
        parse(zipped([("a", b""), ("b", b"x")]))


def test_an_empty_archive_is_refused():
    with pytest.raises(MalformedLog, match="it is empty"):
        parse(zipped([]))


def test_of_many_unread_files_five_are_named():
    raw = zipped([("x.txt", trace("one")), *((f"{n}", b"x") for n in range(9))])

    assert unread(raw).count("The log is text") == 5
    assert unread(raw).endswith("; and 4 more")


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_that_unpacks_to_too_much_is_refused_although_it_began_well(pack):
    raw = pack([("x.txt", trace("one")), ("bomb", bytes(30 * MIB))])

    with pytest.raises(MalformedLog, match="unpacks to more than"):
        parse(raw)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_the_servers_limit_counts_what_all_files_unpack_to(pack):
    raw = pack([("1", trace("one") + b" " * 30_000), ("2", trace("two") + b" " * 30_000)])
    document = Document(raw, max_unpacked=50_000)

    with pytest.raises(MalformedLog, match="more than 50000 bytes"):
        recognise(document).parse(document)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_too_many_files_are_refused(pack):
    with pytest.raises(MalformedLog, match=f"more than {MAX_MEMBERS} files"):
        parse(pack([(str(n), b"") for n in range(MAX_MEMBERS + 1)]))


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_that_is_cut_short_is_refused_as_a_whole(pack):
    raw = pack([("1", trace("one")), ("2", trace("two") + bytes(range(256)) * 64)])

    with pytest.raises(MalformedLog, match="cut short or damaged"):
        parse(raw[:-120])


def test_a_file_without_a_name_is_refused():
    raw = zipped([("1", trace("one"))])
    at = raw.index(b"PK\x01\x02")
    nameless = raw[: at + 28] + b"\0\0" + raw[at + 30 : at + 46] + raw[at + 47 :]

    with pytest.raises(MalformedLog, match="cut short or damaged"):
        parse(nameless[:-10] + (len(nameless) - 22 - at).to_bytes(4, "little") + nameless[-6:])


def test_a_damaged_file_leaves_the_others():
    raw = bytearray(zipped([("1", trace("one")), ("2", trace("two"))], zipfile.ZIP_STORED))
    raw[raw.index(b"IllegalState")] ^= 1

    assert messages(bytes(raw)) == ["two"]
    assert unread(bytes(raw)) == "1: it is damaged"


def test_an_encrypted_file_is_told():
    raw = bytearray(zipped([("1", trace("one")), ("2", trace("two"))]))
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1

    assert unread(bytes(raw)) == "2: it is encrypted"


def test_what_macos_adds_is_passed_over():
    raw = zipped([("__MACOSX/._1", b"x"), (".DS_Store", b"x"), ("1", trace("one")), ("folder/", b"")])

    assert (messages(raw), unread(raw)) == (["one"], None)


def test_a_gzip_of_one_log_is_that_log_and_names_its_file():
    named = io.BytesIO()
    with gzip.GzipFile("today.txt", "wb", fileobj=named) as file:
        file.write(trace("one"))

    [log] = parse(named.getvalue())

    assert (log.format, log.faults[0].message, log.notes[-1]) == ("java-trace", "one", "In the archive: today.txt")
    assert messages(gzip.compress(trace("two"))) == ["two"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (gzip.compress(trace("one"))[:-9], "cut short or damaged"),
        (gzip.compress(bytes(300 * MIB // 10)), "unpacks to more than"),
        (gzip.compress(zipped([("a", trace("one"))])), "an archive inside an archive is not read"),
        (gzip.compress(b"no log"), "holds no crash report"),
    ],
    ids=["cut short", "too large", "an archive", "no log"],
)
def test_a_gzip_that_is_damaged_too_large_or_no_log_is_refused(raw, reason):
    with pytest.raises(MalformedLog, match=reason):
        parse(raw)


def test_of_an_xccrashpoint_only_the_logs_are_read():
    point = "one.xccrashpoint"
    raw = zipped([(f"{point}/DistributionInfo.json", b"{}"), (f"{point}/Filters/Filter_1/Logs/a.crash", trace("one"))])

    assert (messages(raw), unread(raw)) == (["one"], None)


def test_the_report_of_a_number_is_found_without_reading_what_comes_behind_it():
    raw = zipped([("1", trace("one")), ("2", trace("two")), ("bomb", bytes(30 * MIB))])

    assert nth(raw, 2).faults[0].message == "two"


def test_a_number_beyond_the_last_report_is_refused():
    with pytest.raises(MalformedLog, match="fewer than 3 crash reports"):
        nth(f"{acra('one')}\n{acra('two')}\n".encode(), 3)


def test_each_line_of_json_lines_is_a_report_and_blank_ones_count_for_nothing():
    raw = f"{acra('one')}\r\n\r\n{acra('two')}".encode()

    assert messages(raw) == ["one", "two"]
    assert [name for name, parser in PARSERS.items() if parser.sniff(Document(raw))] == ["json-lines"]


def test_lines_that_cannot_be_read_leave_the_others_and_are_told():
    raw = f'{acra("one")}\n{{"level":"info"}}\n{{"cut": \n{acra("two")}\n'.encode()

    assert messages(raw) == ["one", "two"]
    assert unread(raw) == "line 2: it is JSON but no crash report of a known format; line 3: it is not whole JSON"


def test_lines_whose_first_is_no_crash_report_are_claimed_by_nobody():
    raw = f'{{"level":"info"}}\n{acra("one")}\n'.encode()

    assert [name for name, parser in PARSERS.items() if parser.sniff(Document(raw))] == []
