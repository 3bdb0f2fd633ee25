"""Archives made to cost much: a bound on what they unpack to in all, whatever they hold several times or break."""

import gzip
import io
import struct
import tarfile
import zipfile

import pytest

from app.errors import MalformedLog
from app.parsers import parse
from app.parsers.archive_members import members

TRACE = b"java.lang.X: y\n\tat a.b(c:1)\n"
ENTRY = b"PK\x01\x02"  # of a zip's directory


def zipped(files, method=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


def with_directory(raw, entries):
    """The zip with another directory at its end."""
    at = raw.index(ENTRY)
    directory = b"".join(entries)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(entries), len(entries), len(directory), at, 0)
    return raw[:at] + directory + end


def directory_entries(raw):
    return [ENTRY + entry for entry in raw[raw.index(ENTRY) : raw.index(b"PK\x05\x06")].split(ENTRY)[1:]]


def changed(entry, at, fmt, value):
    return entry[:at] + struct.pack(fmt, value) + entry[at + struct.calcsize(fmt) :]


@pytest.mark.parametrize("times", [2, 5, 999])
def test_entries_of_the_same_bytes_are_refused_before_any_is_unpacked(times):
    raw = zipped([("a", TRACE * 30_000)])
    bomb = with_directory(raw, directory_entries(raw) * times)

    with pytest.raises(MalformedLog, match=r"^The archive's entries overlap$"):
        next(members(bomb))


def test_an_entry_that_begins_within_another_is_refused():
    inner = zipped([("b", TRACE)], zipfile.ZIP_STORED)
    raw = zipped([("a", inner)], zipfile.ZIP_STORED)
    own = changed(directory_entries(raw)[-1], 42, "<L", 0)
    shared = changed(directory_entries(inner)[0], 42, "<L", raw.index(b"PK\x03\x04", 4))
    head = raw[: raw.rindex(ENTRY)]
    directory = own + shared
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), len(head), 0)

    with pytest.raises(MalformedLog, match="overlap"):
        parse(head + directory + end)


def test_an_entry_that_reaches_into_the_directory_is_refused():
    raw = zipped([("a", TRACE)], zipfile.ZIP_STORED)
    longer = changed(directory_entries(raw)[0], 20, "<L", len(TRACE) + 1)

    with pytest.raises(MalformedLog, match="overlap"):
        parse(with_directory(raw, [longer]))


def test_an_archive_behind_other_bytes_is_still_one():
    raw = zipped([("a", TRACE), ("folder/", b""), ("b", TRACE)])

    assert len(parse(b"PK\x03\x04 begins as one" + raw)) == 2


def test_what_damaged_files_unpack_to_counts_as_well():
    raw = zipped([(str(number), bytes(1_000_000)) for number in range(20)])
    broken = with_directory(raw, [changed(entry, 16, "<L", 1) for entry in directory_entries(raw)])

    with pytest.raises(MalformedLog, match="unpacks to more than"):
        list(members(broken))


def test_a_few_damaged_files_leave_the_others():
    raw = zipped([(str(number), TRACE) for number in range(20)])
    entries = directory_entries(raw)
    broken = with_directory(raw, [changed(entry, 16, "<L", 1) for entry in entries[1:]] + entries[:1])

    assert len(parse(broken)) == 1


def tar(*blocks):
    return b"".join(block + bytes(-len(block) % 512) for block in blocks) + bytes(1024)


def header(name, size, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.USTAR_FORMAT)


def test_a_tar_in_countless_pieces_of_gzip_is_refused():
    whole = tar(header("a", len(TRACE)), TRACE)
    empty = gzip.compress(b"", mtime=0)

    assert len(parse(gzip.compress(whole, mtime=0) + empty * 900)) == 1
    with pytest.raises(MalformedLog, match="gzip has more than 1000 members"):
        parse(gzip.compress(whole[:512], mtime=0) + empty * 50_000 + gzip.compress(whole[512:], mtime=0))


def test_a_tar_of_several_pieces_of_gzip_is_read_whole():
    whole = tar(header("a", len(TRACE)), TRACE, header("b", len(TRACE)), TRACE)
    pieces = (whole[:600], b"", whole[600:])

    assert len(parse(b"".join(gzip.compress(piece, mtime=0) for piece in pieces))) == 2


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_headers_of_a_tar_that_take_long_to_search_are_refused(kind):
    many = [header("a", len(TRACE)), TRACE]
    one = tar(*many, header("x", 1_000_000, kind), b"1" * 1_000_000, *many)

    with pytest.raises(MalformedLog, match="headers are too large"):
        parse(gzip.compress(one, mtime=0))


def test_usual_headers_of_many_files_are_no_such():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for number in range(900):
            entry = tarfile.TarInfo(f"{number:0300}")
            entry.size, entry.mtime = len(TRACE), 1.5
            archive.addfile(entry, io.BytesIO(TRACE))

    assert len(parse(packed.getvalue())) == 900
