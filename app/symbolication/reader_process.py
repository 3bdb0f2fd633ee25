"""The process that reads one uploaded file of symbols: `python -m app.symbolication.reader_process ORDER`.

It tells what it finds in lines of JSON, and goes on after each when a line comes back. What it may take is bounded by the
kernel: the reader is foreign code, and a file can make it ask for any memory, overflow its stack or run for hours.
"""

import json
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_TOLD = 2_000  # characters of a reason


def _bound(which: int, most: int, more: int = 0) -> None:
    with suppress(ValueError, OSError):  # a lower bound is set already, or this system has none
        resource.setrlimit(which, (most, most + more))


def main(order: dict[str, Any]) -> None:
    """Read the file and tell what is in it."""
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_CPU, order["cpu_seconds"], 5)
    _bound(resource.RLIMIT_DATA, order["memory"])  # without files that are mapped
    from app.symbols import NotSymbols
    from app.symbols.contents import About, contents

    message: dict[str, Any] = {"end": True}
    try:
        for held in contents(Path(order["file"]), Path(order["folder"]), About(*order["about"]), order["max_unpacked"]):
            _tell({"held": held._replace(cache=str(held.cache))})  # type: ignore[arg-type]  # as JSON has it
            if not sys.stdin.readline():  # who asked is gone
                return
    except NotSymbols as error:
        message = {"rejected": error.message[:MAX_TOLD]}
    except MemoryError:
        message = {"memory": True}
    except OSError as error:  # the disk's
        message = {"errno": error.errno}
    _tell(message)


def _tell(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
