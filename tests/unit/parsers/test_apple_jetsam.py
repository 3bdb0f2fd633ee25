"""Jetsam events: which process the system ended, why, and how much memory it had."""

import json

import pytest

from app.errors import MalformedLog
from app.parsers import parse
from app.samples import FOLDER

HEADER, BODY = (FOLDER / "apple-ips" / "jetsam-event.ips").read_text().split("\n", 1)


def read(**parts):
    [log] = parse(f"{HEADER}\n{json.dumps({**json.loads(BODY), **parts})}".encode())
    return log


def test_the_largest_process_that_was_ended_is_the_crash_with_its_reason_and_memory():
    log = read()

    assert (log.process, log.process_id, log.faults[0].type) == ("Tills", 500, "Out of memory: per-process-limit")
    assert (log.os.name, log.os.version, log.device.model) == ("iPhone OS", "18.3", "iPhone14,5")
    assert dict(log.details) == {
        "state": "frontmost", "foreground": True, "memory_footprint": 128000 * 16384,
        "highest_memory_footprint": 130000 * 16384, "free_memory": 2000 * 16384, "largest_process": "Tills",
    }  # fmt: skip


def test_a_largest_process_that_lived_on_was_not_ended():
    processes = [{"name": "big", "rpages": 9, "pid": 1}, {"name": "b", "rpages": 2, "pid": 2, "reason": "highwater"},
                 {"name": "c", "rpages": 1, "reason": "vm-pageshortage", "states": ["frontmost"]}]  # fmt: skip

    log = read(largestProcess="big", processes=processes)

    assert (log.process, log.faults[0].type) == ("c", "Out of memory: vm-pageshortage")


def test_an_event_that_ended_nothing_is_refused():
    with pytest.raises(MalformedLog, match="names no process that the system ended"):
        read(processes=[{"name": "big", "rpages": 9}])
