"""Java and Kotlin names through a mapping file: a hand-made one, and a whole case of the corpus."""

import json
import os
from pathlib import Path

import pytest

from app.crashes.log import Frame
from app.symbols.java import JavaNames
from app.symbols.objects import NotSymbols

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus") / "symbolication"
SHOP = """\
com.example.shop.Cart -> a.b:
# {"id":"sourceFile","fileName":"Cart.kt"}
    1:1:int price(int):40:40 -> c
    1:1:int total():21 -> c
com.example.shop.Idle -> a.d:
"""


@pytest.fixture
def shop(tmp_path: Path) -> JavaNames:
    file = tmp_path / "mapping.txt"
    file.write_text(SHOP)
    return JavaNames(file)


def test_one_line_of_inlined_code_becomes_its_calls_innermost_first(shop: JavaNames) -> None:
    found = shop.frames(Frame(module="a.b", function="c", file="SourceFile", line=1))

    assert [(one.module, one.function, one.file, one.line, one.note) for one in found] == [
        ("com.example.shop.Cart", "price", "Cart.kt", 40, "inlined"),
        ("com.example.shop.Cart", "total", "Cart.kt", 21, None),
    ]


def test_a_class_is_named_although_its_method_is_unknown(shop: JavaNames) -> None:
    found = shop.frames(Frame(module="a.d", function="x"))

    assert found == [Frame(module="com.example.shop.Idle", function="x")]


def test_what_the_mapping_does_not_know_stays_as_it_is(shop: JavaNames) -> None:
    frame = Frame(module="java.lang.Thread", function="run", line=7)

    assert shop.frames(frame) == [frame]


def test_a_file_without_mapped_lines_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rubbish"
    file.write_bytes(b"\x00\x01 no mapping")

    with pytest.raises(NotSymbols):
        JavaNames(file)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: set CRASHQ_CORPUS")
def test_every_frame_of_the_corpus_case_gets_its_expected_name() -> None:
    names = JavaNames(CORPUS / "mapping_sqlite.txt")
    faults = json.loads((CORPUS / "jvm_sqlite_input.json").read_text())["exception"]["exceptions"]
    expected = json.loads((CORPUS / "jvm_sqlite_exception_golden.json").read_text())[0]["exception_frames"]

    found = [[_told(one) for frame in fault["frames"] for one in names.frames(_read(frame))] for fault in faults]

    assert found == expected
    assert sum(map(len, found)) == 56


def _read(frame: dict[str, str | int]) -> Frame:
    return Frame(
        module=str(frame["class_name"]),
        function=str(frame["method_name"]),
        file=str(frame["file_name"]),
        line=int(frame["line_num"]),
    )


def _told(frame: Frame) -> dict[str, str | int | None]:
    return {
        "class_name": frame.module,
        "method_name": frame.function,
        "file_name": frame.file,
        "line_num": frame.line,
    }
