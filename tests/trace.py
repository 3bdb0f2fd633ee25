"""How many calls and files of the project nine requests take: `make trace`, or `python -m tests.trace [files]`.

Each is made twice, so that what is only loaded or looked up once is not counted. Calls are those of the thread that answers
or works; a file counts once. With the argument `files` the files are listed, in the order in which they are entered.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from app import create_app
from app.db import open_database
from app.operations.schema import upgrade
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.storage import open_storage
from app.telemetry.log_lines import configure_logs
from tests.factories import CONFIG, Clock, kscrash, make_member, run_enqueued
from tests.servers import new_database, postgres_server
from tests.uploads import export_url

ROOT = Path(__file__).parents[1]
OURS = (f"{ROOT / 'app'}{os.sep}", f"{ROOT / 'workers'}{os.sep}")


@dataclass
class Trace:
    """The calls of Python functions of the project while a block runs."""

    calls: int = 0
    files: dict[str, int] = field(default_factory=dict)  # in the order in which they are entered -> calls

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count in this thread."""
        sys.setprofile(self._count)
        try:
            yield
        finally:
            sys.setprofile(None)

    def _count(self, frame: FrameType, event: str, _argument: object) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(OURS) and not frame.f_code.co_name.startswith("<"):
            self.calls += 1
            path = str(Path(name).relative_to(ROOT))
            self.files[path] = self.files.get(path, 0) + 1


def trips(services: Services) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name -> what is counted, in an order in which each finds what it needs. Called twice, on two logs."""
    member = make_member(services)
    client, headers = create_app(services).test_client(), member.headers
    hooks = f"/api/apps/{member.app.identifier}/webhooks"
    number = 0

    def get(url: str) -> Callable[[], Any]:
        return lambda: client.get(url, headers=headers)

    while True:
        number += 1
        content = kscrash(reason=f"the {number}.")
        upload = f"/api/apps/{member.app.identifier}/logs?log_id=log-{number}"
        yield "POST a log", partial(client.post, upload, headers=headers, data=content)
        yield "… its digest", lambda: run_enqueued(services)
        log = client.get(f"/api/apps/{member.app.identifier}/logs/log-{number}", headers=headers).json["result"]
        export, crash = export_url(log), log["occurrences"][0]["crash_identifier"]
        yield "GET export_occurrences, first", get(export)
        yield "… the worker", lambda: run_enqueued(services)
        yield "… the poll that answers", get(export)
        listing = f"/api/crashes/{crash}/occurrences?page={number}"
        yield "GET occurrences, first", get(listing)
        yield "… the worker of it", lambda: run_enqueued(services)
        yield "… the poll of it", get(listing)
        yield "GET webhooks of an app", get(hooks)


def traced(services: Services) -> dict[str, Trace]:
    """Name -> its trace, of the second time that each is made."""
    found: dict[str, Trace] = {}
    for name, act in trips(services):
        if name in found and found[name].calls == 0:  # the second time
            with found[name].running():
                act()
        elif name in found:
            return found
        else:
            act()
            found[name] = Trace()
    return found


def main() -> None:
    """Print calls and files of each, and with `files` which."""
    configure_logs("json", logging.ERROR)
    with postgres_server() as server, new_database(server) as url:
        database = open_database(url)
        upgrade(database)
        config = replace(CONFIG, database_url=url)
        services = Services(config, database, open_storage("memory://"), MemoryBroker(), Clock())
        try:
            found = traced(services)
        finally:
            services.close()
    print(f"{'':32}{'calls':>7}{'files':>7}")
    for name, trace in found.items():
        print(f"{name:32}{trace.calls:>7}{len(trace.files):>7}")
        if "files" in sys.argv[1:]:
            print("\n".join(f"    {calls:>5}  {path}" for path, calls in trace.files.items()))


if __name__ == "__main__":
    main()
