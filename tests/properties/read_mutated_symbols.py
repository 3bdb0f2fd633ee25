"""Reads mutated files of symbols and looks up names in what it makes of them: `SEED NUMBER`, a line for each file.

Processes of its own do so: a file may end the one that reads it, as those of the service are; none that looks names up.
"""

import json
import os
import random
import resource
import sys
import traceback
from mmap import mmap
from pathlib import Path
from tempfile import TemporaryDirectory

from app.crashes.log import Frame
from app.symbolication.reader import BROKEN
from app.symbols import NotSymbols
from app.symbols.awaited_keys import SOURCES
from app.symbols.contents import MAPPING, NATIVE, About, Held, contents
from app.symbols.java import JavaNames
from app.symbols.objects import NativeNames
from app.symbols.scripts import ScriptNames
from app.symbols.source_files import SourceFiles
from tests.build_tools import script_bundle
from tests.hostile_symbols import circle, dwarf, inlined
from tests.properties.test_mutated_logs import MUTATIONS
from tests.symbols import mapping, source_map, sym
from tests.unit.symbols.test_contents import zipped

MEMORY, PROCESSOR = 1024**3, 60  # bytes; seconds
ID = "01020304-0506-0708-090a-0b0c0d0e0f10"
MAP = source_map((1, "a.js", 1, 1, "total"), (9, "b.js", 7, 2, None), (40, "a.js", 3, 4, "pay"), debug_id=ID)
SAMPLES = {
    "breakpad": (sym(ID, "total", "pay", "main"), inlined(3)),
    "dwarf": (dwarf(), dwarf(units=3), circle(3)),
    "mapping": (mapping("a.b", "total", "pay"), mapping("a", "total") + mapping("b", "pay")),
    "source map": (MAP, b")]}'\n" + MAP),
    "archive": (
        zipped(("a.so", dwarf()), ("b.sym", sym(ID, "f")), ("m.txt", mapping("a", "f")), ("main.js.map", MAP)),
    ),
    "bundle": (script_bundle(MAP, ID), script_bundle(MAP)),
    "own program": (Path(sys.executable).resolve().read_bytes()[:200_000],),
}


def mutated(seed: str, kind: str, number: int) -> bytes:
    """One file of the kind after some changes, by its number."""
    chance = random.Random(f"{seed} {kind} {number}")
    changed = bytearray(chance.choice(SAMPLES[kind]))
    for _ in range(chance.randint(1, 6)):
        chance.choice(MUTATIONS[:-1])(changed, chance)  # the last one needs logs
    return bytes(changed)


def _look_up(held: Held) -> None:
    if held.ids[0].startswith(SOURCES):
        files = SourceFiles(held.cache)
        for path, line in (("src/cart.ts", 1), ("/src/cart.c", 10**6)):
            files.lines(path, line)
    elif held.kind == NATIVE:
        names = NativeNames(held.cache)
        for address in (0, 0xFFF, 0x1000, 0x1005, 0x2004, 0x10_0000, 2**63, 2**64 - 1):
            names.frames(Frame(address=address), 0, is_return=True)
    elif held.kind == MAPPING:
        java = JavaNames(held.cache)
        java.look_at(["a.b", "a", "b"])
        for line in (None, 1, 10, 2**31):
            java.frames(Frame(module="a.b", function="c1", line=line))
    else:
        script = ScriptNames(held.cache)
        for line, column in ((1, 1), (1, 40), (2, 1), (10**6, 10**6)):
            script.at(line, column)


def _read(seed: str, kind: str, numbers: range, seen: mmap) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    with TemporaryDirectory() as name:
        for number in numbers:
            _note(seen, number, "read")
            (Path(name) / "upload").write_bytes(mutated(seed, kind, number))
            end = "made"
            try:
                for held in contents(Path(name) / "upload", Path(name), About("main.js.map", "1.2"), 10_000_000):
                    _note(seen, number, "look up")
                    _look_up(held)
                    _note(seen, number, "read")
            except NotSymbols as error:
                end = "rejected" if error.message else "rejected without a reason"
            print(json.dumps([kind, number, end]), flush=True)


def _note(seen: mmap, number: int, step: str) -> None:
    seen[:] = json.dumps([number, step]).encode().ljust(len(seen))


def main(seed: str, most: int) -> None:
    """Read `most` files of each kind; a line of JSON for each: kind, number, how it ended."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind in SAMPLES:
        number = 0
        while number < most:
            seen = mmap(-1, 100)
            _note(seen, number, "begin")
            if not (child := os.fork()):
                try:
                    _read(seed, kind, range(number, most), seen)
                    os._exit(0)
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(1)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if code == 0:
                break
            number, step = json.loads(seen[:])
            is_own = step == "read" and -code in BROKEN
            print(json.dumps([kind, number, "broken" if is_own else f"{step} ended with {code}"]), flush=True)
            number += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
