"""Files of symbols that are made to do harm are rejected with a reason; the worker that reads them lives and stays small."""

import os
import resource
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from app.config import MIB
from app.crashes.log import Frame
from app.symbolication import making, reader
from app.symbolication.making import make_symbols
from app.symbolication.reader import ReaderBounds, read_contents
from app.symbolication.receive import receive_symbols
from app.symbolication.stored import show_symbols
from app.symbols import contents
from app.symbols.contents import About
from app.symbols.java import JavaNames
from app.symbols.objects import MAX_CALLS, MAX_TEXT, NativeNames
from app.symbols.scripts import ScriptNames, named_scripts
from tests.hostile_symbols import BREAKPAD, DEADLY, ROWS, circle, dwarf, inlined
from tests.symbols import source_map
from tests.unit.symbols.test_contents import zipped

MEMORY = 256 * MIB


def looked_into(services, member, content: bytes):
    small = replace(services, config=replace(services.config, symbol_memory=MEMORY))
    found = receive_symbols(small, member.app, About("cart"), [content])
    make_symbols(small, found.id)
    return show_symbols(small, member.app, found.identifier).file


@pytest.mark.parametrize("bomb", DEADLY)
def test_a_file_that_would_end_its_reader_is_rejected_with_a_reason(services, member, bomb):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    file = looked_into(services, member, DEADLY[bomb]())

    assert (file.state, file.attempt) == ("rejected", 1)
    assert "memory" in file.reason or "places" in file.reason
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # a child counts what its parent had when it was begun
    bound = max(before, own, 2 * MEMORY / 1024)  # its input is mapped
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= bound


@pytest.mark.parametrize("content", [dwarf(), circle(1), circle(2), inlined(1_000)])
def test_what_only_looks_dangerous_is_made(services, member, content):
    assert looked_into(services, member, content).state == "ready"


def test_a_file_that_takes_too_long_is_rejected_when_its_processor_time_is_over(services, member, monkeypatch):
    monkeypatch.setattr(making, "READ_WITHIN", 1.0)
    rows = ROWS[:11] + b"\x21" * 200_000 + ROWS[-3:]

    file = looked_into(services, member, dwarf(program=rows, units=3_000))  # each unit reads the table anew

    assert (file.state, file.attempt) == ("rejected", 1)
    assert "took longer than" in file.reason


def test_a_reader_that_somebody_else_ends_is_tried_again(tmp_path: Path, monkeypatch):
    started = reader._started

    def killed(order):
        process = started(order)
        os.kill(process.pid, 9)
        return process

    monkeypatch.setattr(reader, "_started", killed)
    (tmp_path / "upload").write_bytes(dwarf())

    with pytest.raises(reader.ReaderEnded):
        list(read_contents(tmp_path / "upload", tmp_path, About(), ReaderBounds(MIB, MEMORY, 10)))


def test_a_reader_knows_no_secrets_and_ends_with_the_process_that_asked_it(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "s3cret" * 8)
    (tmp_path / "upload").write_bytes(dwarf())
    seen = []
    started = reader._started
    monkeypatch.setattr(reader, "_started", lambda order: seen.append(started(order)) or seen[-1])

    found = read_contents(tmp_path / "upload", tmp_path, About(), ReaderBounds(MIB, MEMORY, 10))
    next(found)
    environment = Path(f"/proc/{seen[0].pid}/environ").read_bytes()
    found.close()

    assert b"s3cret" not in environment
    assert seen[0].returncode is not None


def test_nothing_stays_in_the_storage_of_a_file_that_turns_out_to_hold_too_much(services, member, monkeypatch):
    small = replace(services, config=replace(services.config, max_symbol_bytes=10_000))
    archive = zipped(("a.sym", dwarf()), ("b.sym", bytes(50_000)))

    found = receive_symbols(small, member.app, About("cart"), [archive])
    make_symbols(small, found.id)

    assert "unpacks to more" in show_symbols(small, member.app, found.identifier).file.reason
    assert [one.key.rpartition("/")[2] for one in services.storage.list("symbols")] == ["upload"]


def test_a_file_holds_a_bounded_number_of_images(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(contents, "MAX_HELD", 2)
    (tmp_path / "upload").write_bytes(zipped(*((f"{at}.so", dwarf()) for at in range(3))))

    with pytest.raises(contents.NotSymbols, match="more than 2 images"):
        list(contents.contents(tmp_path / "upload", tmp_path, About(), MIB))


def opened(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "upload").write_bytes(content)
    held = contents.contents(tmp_path / "upload", tmp_path, About("main.js.map", "1.2"), 64 * MIB)
    return next(one for one in held if one.file_format != "sources").cache


def test_a_frame_stands_for_a_bounded_number_of_calls_with_names_of_bounded_length(tmp_path: Path):
    native = NativeNames(opened(tmp_path, inlined(1_000))).frames(Frame(address=0x1010), 0, is_return=False)
    long = BREAKPAD + b"FUNC 1000 100 0 " + b"f" * 100_000 + b"\n"
    named = NativeNames(opened(tmp_path, long)).frames(Frame(address=0x1010), 0, is_return=False)
    calls = b"".join(b"    1:1:void d.E.f%d():1:1 -> a\n" % at for at in range(1_000))
    java = JavaNames(opened(tmp_path, b"a.B -> c:\n" + calls)).frames(Frame(module="c", function="a", line=1))
    short = JavaNames(opened(tmp_path, b"a.B -> c:\n    1:1:void " + b"f" * 100_000 + b"():1:1 -> a\n"))
    told = short.frames(Frame(module="c", function="a", line=1))
    script = ScriptNames(opened(tmp_path, source_map((1, "s" * 100_000, 1, 1, "n" * 100_000))))
    (placed, _) = named_scripts((Frame(file="main.js", line=1, column=1),) * 2, lambda _: script)

    assert (len(native), native[-1].function) == (MAX_CALLS, "main")
    assert (len(java), java[-1].function) == (MAX_CALLS, "f999")
    assert [len(one.function) for one in (named[0], told[0], placed)] == [MAX_TEXT] * 3
    assert len(placed.file) == MAX_TEXT


def test_a_fat_file_that_counts_more_images_than_it_has_is_refused(tmp_path: Path):
    (tmp_path / "upload").write_bytes(struct.pack(">II", 0xCAFEBABE, 2**32 - 1) + bytes(4_096))

    with pytest.raises(contents.NotSymbols):
        list(read_contents(tmp_path / "upload", tmp_path, About(), ReaderBounds(MIB, MEMORY, 5)))
