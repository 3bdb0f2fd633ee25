"""Bodies of uploads: whole in every encoding, and bounded by work where nothing comes out."""

import gzip
import io
import random
import zlib

import brotli
import pytest
from backports import zstd

from app.errors import BadParameters, TooLarge
from app.ingest.unpacking import read_body, read_first_line

LIMIT = 20 * 1024 * 1024  # bytes
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0skip"  # a frame of zstd that holds nothing to unpack
EMPTY = {"gzip": gzip.compress(b"", mtime=0), "zstd": zstd.compress(b""), "zstd, skippable": SKIPPABLE}
WHOLE = bytes(range(256)) * 1_000 + bytes(300_000)


class Read(io.BytesIO):
    """Tells how much was read of it."""

    def read(self, size=-1):
        chunk = super().read(size)
        self.most = self.tell()
        return chunk


def unpacked(body, encoding):
    return read_body(io.BytesIO(body), encoding, LIMIT)


@pytest.mark.parametrize("name", EMPTY)
def test_countless_members_are_refused_long_before_their_end(name):
    packed = Read(EMPTY[name] * 500_000)

    with pytest.raises(BadParameters, match=r"packed in more than 1000 (members|frames)$"):
        read_body(packed, name.partition(",")[0], LIMIT)

    assert packed.most < 200_000


@pytest.mark.parametrize("name", EMPTY)
def test_some_members_without_content_are_passed_over(name):
    encoding = name.partition(",")[0]
    pack = gzip.compress if encoding == "gzip" else zstd.compress

    assert unpacked(EMPTY[name] * 900 + pack(WHOLE) + EMPTY[name] * 9, encoding) == WHOLE


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_several_members_are_one_body(encoding, pack):
    assert unpacked(b"".join(pack(WHOLE[at : at + 10_000]) for at in range(0, len(WHOLE), 10_000)), encoding) == WHOLE


def test_zeros_behind_gzip_are_padding():
    assert unpacked(gzip.compress(WHOLE) + bytes(200_000), "gzip") == WHOLE
    assert unpacked(gzip.compress(WHOLE) + bytes(512) + gzip.compress(b"more"), "gzip") == WHOLE + b"more"


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
@pytest.mark.parametrize("tail", [b"trailing", b"\x1f\x8b", b"\x28\xb5"])
def test_other_bytes_behind_the_last_member_are_refused(encoding, pack, tail):
    with pytest.raises(BadParameters, match=f"not whole {encoding} data"):
        unpacked(pack(WHOLE) + tail, encoding)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("zstd", zstd.compress), ("br", brotli.compress), ("deflate", zlib.compress)],
)
def test_a_body_is_whole_up_to_the_limit_and_cut_nowhere(encoding, pack):
    assert unpacked(pack(WHOLE), encoding) == WHOLE
    assert read_body(io.BytesIO(pack(WHOLE)), encoding, len(WHOLE)) == WHOLE
    with pytest.raises(TooLarge):
        read_body(io.BytesIO(pack(WHOLE)), encoding, len(WHOLE) - 1)
    with pytest.raises(BadParameters):
        unpacked(pack(WHOLE)[:-3], encoding)


def test_a_body_of_empty_blocks_ends_by_its_size():
    block = b"\0\0\0\xff\xff"  # of deflate: stored, nothing in it

    with pytest.raises(BadParameters, match="not whole deflate data"):
        unpacked(zlib.compress(b"")[:2] + block * 1_000_000, "deflate")


PACK = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}


@pytest.mark.parametrize("encoding", PACK)
def test_a_first_line_is_read_without_what_follows_it(encoding):
    packed = Read(PACK[encoding](b'{"dsn":"here"}\n' + random.Random(1).randbytes(4_000_000)))

    assert read_first_line(packed, encoding, 8_192) == b'{"dsn":"here"}'
    assert packed.most < 200_000


@pytest.mark.parametrize("encoding", PACK)
def test_a_first_line_without_end_is_cut(encoding):
    packed = Read(PACK[encoding](bytes(50_000_000)))

    assert read_first_line(packed, encoding, 8_192) == bytes(8_192)
