"""What an uploaded file holds: one image, a mapping, or an archive of many, unpacked within bounds."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from app.symbols import NotSymbols
from app.symbols.contents import About, contents
from tests.symbols import mapping, sym

ONE, OTHER = "01020304-0506-0708-090a-0b0c0d0e0f10", "11121314-1516-1718-191a-1b1c1d1e1f20"
ROOM = 10_000_000


def zipped(*files: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as opened:
        for name, content in files:
            opened.writestr(name, content)
    return made.getvalue()


def held(tmp_path: Path, content: bytes, about: About = About("upload"), room: int = ROOM) -> list[tuple]:  # noqa: B008
    (tmp_path / "upload").write_bytes(content)
    found = []
    for one in contents(tmp_path / "upload", tmp_path, about, room):
        assert one.cache.stat().st_size > 0
        found.append((one.name, one.kind, one.file_format, one.ids[0], one.arch))
    return found


def test_an_archive_gives_everything_that_is_in_it(tmp_path: Path) -> None:
    content = zipped(
        ("Shop.dSYM/Contents/Info.plist", b"<plist/>"), ("__MACOSX/._Shop", b"x"), ("lib/.DS_Store", b"x"), ("lib/", b""),
        ("lib/cart.sym", sym(ONE, "total")), ("lib/pay.sym", sym(OTHER, "pay")), ("mapping.txt", mapping("a.b", "total")),
    )  # fmt: skip

    found = held(tmp_path, content)

    assert [one[:4] for one in found[:2]] == [
        ("cart.sym", "native", "breakpad", ONE),
        ("pay.sym", "native", "breakpad", OTHER),
    ]
    assert [one[:3] for one in found[2:]] == [("mapping.txt", "mapping", "proguard")]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["mapping", "upload"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(zipped(), "it is empty"), (zipped(("a.txt", b"nothing"), ("b.bin", b"\0")), "a.txt: Not readable as a mapping"),
     (zipped(("in.zip", zipped(("cart.sym", sym(ONE, "f"))))), "in.zip: an archive in an archive"),
     (zipped(("cart.sym", sym(ONE, "f")))[:-30], "cut short or damaged"),
     (zipped(("cart.sym", sym(ONE, "f")), compression=zipfile.ZIP_BZIP2), "packed in a way"),
     (b"PK\x03\x04" + zipped(("a.sym", b"x"), ("b.sym", b"y"))[30:], "damaged"),
     (b"PK\x03\x04 rubbish", "cut short or damaged")],
)  # fmt: skip
def test_an_archive_without_symbols_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(NotSymbols, match=reason):
        held(tmp_path, content)


def test_a_symbol_map_of_dart_is_called_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(NotSymbols, match="A symbol map of Dart is not read"):
        held(tmp_path, b'["Cart","a","Checkout","b"]')


def test_a_damaged_member_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    whole = zipped(("bad.sym", sym(OTHER, "x" * 200)), ("cart.sym", sym(ONE, "total")))
    at = whole.index(b"bad.sym") + 20
    content = whole[:at] + b"\xff" * 20 + whole[at + 20 :]

    assert [one[0] for one in held(tmp_path, content)] == ["cart.sym"]


def test_an_encrypted_member_is_told(tmp_path: Path) -> None:
    content = bytearray(zipped(("cart.sym", sym(ONE, "total"))))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", content, content.index(mark) + place, 1)

    with pytest.raises(NotSymbols, match="it is encrypted"):
        held(tmp_path, bytes(content))


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    bomb = zipped(("zeros", b"\0" * 3_000_000))
    by_ratio = zipped(("zeros", b"\0" * 8_000_000))

    with pytest.raises(NotSymbols, match="unpacks to more"):
        held(tmp_path, bomb, room=1_000_000)
    with pytest.raises(NotSymbols, match="unpacks to more"):
        held(tmp_path, by_ratio, room=100_000_000)


def test_an_archive_of_too_many_files_is_refused_before_they_are_looked_at(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("app.symbols.archives.MAX_MEMBERS", 3)

    with pytest.raises(NotSymbols, match="more than 3 files"):
        held(tmp_path, zipped(*((f"{at}.sym", sym(ONE, "f")) for at in range(4))))
