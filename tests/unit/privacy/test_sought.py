"""Where a user id stands, and where it only seems to."""

import gzip
import io
import tarfile
import zipfile

import pytest

from app.privacy.sought import MOST, Sought, pieces
from tests.sentry_events import sentry_event

ADA = Sought("ada-4711", scan=True)


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def tarred(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo("log")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        b"ada-4711", b"user=ada-4711&x", b'{"id":"ada-4711"}', b"_ada-4711_", "ada-4711".encode("utf-16-le"),
        gzip.compress(b"by ada-4711", mtime=0), zipped("a.log", b"by ada-4711"), zipped("ada-4711.log", b""),
        tarred(b"by ada-4711"), zipped("a.gz", gzip.compress(b"by ada-4711", mtime=0)), gzip.compress(b"ada-4711", mtime=0)[:-4],
    ],
)  # fmt: skip
def test_it_stands_there_as_a_word_however_that_is_written_or_packed(raw):
    assert ADA.stands_in(raw)
    assert ADA.is_named_in(raw)


@pytest.mark.parametrize(
    "raw",
    [b"", b"ada-47110", b"xada-4711", b"ADA-4711", b"PK\x03\x04 broken", b"\x1f\x8b broken", gzip.compress(b"bob", mtime=0)],
)  # fmt: skip
def test_it_does_not_stand_there(raw):
    assert not ADA.is_named_in(raw)


def test_without_a_scan_only_what_the_log_says_of_its_user_counts():
    user = Sought("4711", scan=False)

    assert user.is_named_in(sentry_event("4711"))
    assert not user.is_named_in(sentry_event("0815", "error 4711"))
    assert not user.stands_in_text("4711")


def test_a_packed_log_that_would_unpack_to_far_too_much_is_read_only_so_far():
    bomb = gzip.compress(b"\0" * (70 * 1024 * 1024) + b" ada-4711", mtime=0)

    assert not ADA.stands_in(bomb)


def hidden_behind(**first: object) -> bytes:
    """A zip whose second member names the user; of the first the directory tells what is given."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first", b"of somebody else")
        archive.writestr("second", b"by ada-4711")
        for name, value in first.items():
            setattr(archive.infolist()[0], name, value)
    return file.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        hidden_behind(flag_bits=1), hidden_behind(compress_type=zipfile.ZIP_LZMA), hidden_behind(compress_type=97),
        hidden_behind(CRC=1), hidden_behind(header_offset=7), hidden_behind(orig_filename="other"),
    ],
    ids=["encrypted", "packed so that it takes much memory", "packed in an unknown way", "damaged", "nowhere", "misnamed"],
)  # fmt: skip
def test_a_member_that_cannot_be_read_hides_no_other_one(raw):
    assert ADA.stands_in(raw)


def linked(**targets: str) -> bytes:
    """A tar of links, and behind them a file that names the user."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, target in targets.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        info = tarfile.TarInfo("log")
        content = gzip.compress(b"by ada-4711")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize("raw", [linked(a="nowhere"), linked(a="b", b="a")], ids=["nowhere", "in a circle"])
def test_links_lead_to_nothing(raw):
    assert ADA.stands_in(raw)


def test_it_is_found_behind_countless_empty_members():
    assert ADA.is_named_in(gzip.compress(b"", mtime=0) * 50_000 + gzip.compress(b"by ada-4711", mtime=0))


def test_what_damaged_files_of_an_archive_unpack_to_is_bounded_in_all():
    raw = bytearray(zipped("a", bytes(4_000_000)))
    at = raw.index(b"PK\x01\x02")
    raw[at + 16] ^= 1  # its checksum
    entry, end = raw[at:-22], raw[-22:]
    end[8:16] = (40).to_bytes(2, "little") * 2 + (40 * len(entry)).to_bytes(4, "little")

    assert MOST // 2 < sum(map(len, pieces(bytes(raw[:at] + entry * 40 + end)))) < MOST + 1_000_000
