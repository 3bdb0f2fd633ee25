"""Java and Kotlin names through a mapping file: a hand-made one, and a whole case of the corpus."""

import json
import os
from pathlib import Path

import pytest
from symbolic.proguard import ProguardMapper

from app.crashes.log import Frame
from app.symbols import NotSymbols
from app.symbols.java import IN_VIEW, MAX_LINE, JavaNames

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


@pytest.mark.parametrize("content", [b"\x00\x01 no mapping", b"a.b -> c:\n", b"    int f() -> g\n", b""])
def test_a_file_that_maps_nothing_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "rubbish"
    file.write_bytes(content)

    with pytest.raises(NotSymbols):
        JavaNames(file)


def test_a_line_without_end_is_refused_before_it_is_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "rubbish"
    file.write_bytes(b"a.b -> c:\n    int f() -> g" + b"x" * MAX_LINE)

    with pytest.raises(NotSymbols, match="line of more than"):
        JavaNames(file)


NO_LINES = """\
com.example.shop.Cart -> a.b:
    int total() -> c
    int total(int) -> c
    int total(java.lang.String) -> d
    void clear() -> d
    int price -> e
"""


@pytest.mark.parametrize(
    ("function", "named", "note"),
    [("c", "total", None), ("d", "clear | total", "ambiguous"), ("e", "e", None), ("z", "z", None)],
)
def test_without_line_numbers_a_method_is_named_where_one_name_fits_else_all_are_listed(
    tmp_path: Path, function: str, named: str, note: str | None
) -> None:
    (tmp_path / "mapping.txt").write_text(NO_LINES)
    names = JavaNames(tmp_path / "mapping.txt")

    [found] = names.frames(Frame(module="a.b", function=function, line=7))

    assert (found.module, found.function, found.line, found.note) == ("com.example.shop.Cart", named, 7, note)


def test_a_line_that_no_range_holds_leaves_the_method_that_the_name_can_only_be(shop: JavaNames) -> None:
    [found] = shop.frames(Frame(module="a.b", function="c", file="SourceFile"))

    assert (found.module, found.function, found.line) == ("com.example.shop.Cart", "total", None)


MANY = "".join(
    f'com.example.shop.Part{at} -> p{at}:\n# {{"id":"sourceFile","fileName":"Part{at}.kt"}}\n'
    f"    1:1:int com.example.shop.Part{(at + 7) % 3000}.price(int):40:40 -> a\n    1:1:int total{at}():21 -> a\n"
    f"    2:2:void {'long' * 200}{at}():3 -> b\n"
    for at in range(3_000)
)


def test_the_few_classes_that_are_read_give_what_the_whole_mapping_does(tmp_path: Path) -> None:
    (tmp_path / "mapping.txt").write_text(MANY)
    whole, names = ProguardMapper.open(str(tmp_path / "mapping.txt")), JavaNames(tmp_path / "mapping.txt")

    for at in range(0, 3_000, 3):
        if at % 300 == 0:  # as a report does, which asks for all of its classes first
            names.look_at(f"p{at + more}" for more in range(300))
        told = [(one.class_name, one.method, one.file, one.line) for one in whole.remap_frame(f"p{at}", "a", 1)]
        found = names.frames(Frame(module=f"p{at}", function="a", line=1))
        assert [(one.module, one.function, one.file, one.line) for one in found] == told
        assert names.type_name(f"p{at + 1}") == f"com.example.shop.Part{at + 1}"

    assert len(found) == 2
    assert names.uuid == whole.uuid
    assert sum(map(len, names._view.blocks.values())) <= IN_VIEW


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: set CRASHQ_CORPUS")
def test_every_frame_of_the_corpus_case_gets_its_expected_name() -> None:
    names = JavaNames(CORPUS / "mapping_sqlite.txt")
    faults = json.loads((CORPUS / "jvm_sqlite_input.json").read_text())["exception"]["exceptions"]
    expected = json.loads((CORPUS / "jvm_sqlite_exception_golden.json").read_text())[0]["exception_frames"]

    found = [[_frame_json(one) for frame in fault["frames"] for one in names.frames(_read(frame))] for fault in faults]

    assert found == expected
    assert sum(map(len, found)) == 56


def _read(frame: dict[str, str | int]) -> Frame:
    return Frame(
        module=str(frame["class_name"]),
        function=str(frame["method_name"]),
        file=str(frame["file_name"]),
        line=int(frame["line_num"]),
    )


def _frame_json(frame: Frame) -> dict[str, str | int | None]:
    return {
        "class_name": frame.module,
        "method_name": frame.function,
        "file_name": frame.file,
        "line_num": frame.line,
    }
