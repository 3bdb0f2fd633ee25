"""Rows as files: what each format holds, that it is the same every time, and that no cell is a formula."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from arro3.io import read_parquet
from pydantic import BaseModel

from app.cli.remote.teller import as_json
from app.crashes.facts import MAX_LENGTH, facts
from app.crashes.log import AppInfo, CrashLog
from app.db.models.occurrence import MAX_FACT
from app.exports import COLUMNS, ROW_FORMATS, Row
from app.exports.csv_rows import cell
from app.one_line import one_line


class Named(BaseModel):
    """What a command may print."""

    title: str


INSTANT = datetime(2018, 9, 13, 9, 42, 53, 5, tzinfo=UTC)


def row(number: int = 1, **changes: object) -> Row:
    made = Row(f"log-{number}-crash-1", "2018-09-13", f"log-{number}", INSTANT + timedelta(seconds=number), "c" * 24,
               "1.2", "45", "iOS", "11.4", "iPhone9,4", None)  # fmt: skip
    return made._replace(**changes)


def written(name: str, *pages: list[Row]) -> bytes:
    return b"".join(ROW_FORMATS[name].write(iter(pages)))


def read(name: str, content: bytes) -> list[list[object]]:
    """The cells of a file, by a reader that is not ours."""
    if name == "ndjson":
        return [list(json.loads(line).values()) for line in content.decode().splitlines()]
    if name == "csv":
        head, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
        assert head == list(COLUMNS)
        return [[value or None for value in cells] for cells in rows]
    table = read_parquet(io.BytesIO(content)).read_all()
    assert table.column_names == list(COLUMNS)
    columns = [[value.as_py() for value in table.column(name)] for name in COLUMNS]
    return [list(cells) for cells in zip(*columns, strict=True)]


@pytest.mark.parametrize("name", sorted(ROW_FORMATS))
def test_every_row_comes_back_as_it_went_in(name):
    rows = [row(1), row(2, user_id='ä "quoted", 漢字\nand a line', os_name=None)]

    found = read(name, written(name, rows[:1], [], rows[1:]))

    time = INSTANT + timedelta(seconds=1)
    shown = time if name == "parquet" else "2018-09-13T09:42:54.000005Z"
    assert len(found) == 2
    assert found[0][3] == shown
    assert str(found[0][1]) == "2018-09-13"
    assert [str(value) if value else value for value in found[1][4:]] == list(rows[1][4:])


def test_no_sign_within_a_row_ends_its_line_for_any_reader():
    signs = "\u2028\u2029\u0085\v\f\x1c\x1d\x1e\r\n"
    rows = [row(1, user_id=f"a{signs}b"), row(2, device_model=signs)]

    content = written("ndjson", rows)

    assert len(content.decode().splitlines()) == content.count(b"\n") == 2
    assert read("ndjson", content)[0][-1] == rows[0].user_id


def test_one_line_says_the_same_and_leaves_other_signs_alone():
    value = {"ä\u2028": ["\u2029漢\\u0085", "\u0085"]}

    text = one_line(json.dumps(value, ensure_ascii=False))

    assert json.loads(text) == value
    assert len(text.splitlines()) == 1
    assert "ä" in text


def test_the_commands_that_print_json_print_a_line_for_each_value():
    assert len(as_json({"title": "a\u2028b"}).splitlines()) == 1
    assert len(as_json(Named(title="a\u0085b")).splitlines()) == 1


@pytest.mark.parametrize("name", sorted(ROW_FORMATS))
def test_the_same_rows_give_the_same_bytes(name):
    rows = [row(number) for number in range(500)]

    assert written(name, rows) == written(name, rows)


@pytest.mark.parametrize("name", sorted(ROW_FORMATS))
def test_no_rows_are_a_whole_file_too(name):
    assert read(name, written(name)) == []


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_of_a_csv_begins_as_a_formula_does(sign):
    nasty = f'{sign}cmd|"/C calc"!A0'

    [cells] = read("csv", written("csv", [row(user_id=nasty, app_version=nasty)]))

    assert cells[COLUMNS.index("user_id")] == cells[COLUMNS.index("app_version")] == f"'{nasty}"
    assert cell("1=2") == "1=2"


@pytest.mark.parametrize("name", sorted(ROW_FORMATS))
def test_memory_does_not_grow_with_the_rows(name):
    def peak(pages: int) -> int:
        def source() -> Iterator[list[Row]]:
            for page in range(pages):
                yield [row(page * 500 + number) for number in range(500)]

        tracemalloc.start()
        try:
            for _ in ROW_FORMATS[name].write(source()):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)
    assert peak(60) < 2 * peak(4)


class Enough(Exception):
    pass


@pytest.mark.parametrize("name", sorted(ROW_FORMATS))
def test_what_ends_the_rows_comes_through_as_it_is(name):
    def source() -> Iterator[list[Row]]:
        yield [row()]
        raise Enough

    with pytest.raises(Enough):
        list(ROW_FORMATS[name].write(source()))


def test_facts_are_what_a_database_takes():
    told = facts(CrashLog("tests", app=AppInfo(version="1\x00\ud800" + "x" * 500), user_id="u"))

    assert told.app_version == ("1\ufffd\ufffd" + "x" * 500)[:MAX_LENGTH]
    assert (told.user_id, told.os_name) == ("u", None)
    assert MAX_LENGTH == MAX_FACT
