"""Logs of a made-up app as its users would send them: some crashes, versions, systems, devices and people, over some weeks."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from app.samples import FOLDER

VERSIONS = ("3.0.4", "3.1.0", "3.2.0", "3.2.1")  # the later, the more users
PHONES = ("iPhone14,5", "iPhone15,2", "iPhone16,1", "iPad13,18")
SYSTEMS = ("16.7.2", "17.2", "17.4.1")
ANDROIDS = ("Pixel 7", "Pixel 8", "SM-S911B", "SM-A546B")
PEOPLE = 40

Maker = Callable[[Random, datetime], bytes]


def logs(number: int, newest: datetime, days: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """(log id, log), oldest first; the id has the shape that tells the time. Later days have more of them."""
    random = Random(seed)
    times = sorted(newest - timedelta(days=days * random.random() ** 2) for _ in range(number))
    makers: list[Maker] = [_range, _range, _range, _bad_access, _bad_access, _android, _android, _java, _swift]
    for at, instant in enumerate(times):
        made = random.choice(makers)(random, instant)
        yield f"25443557{random.randrange(90) + 10}-{int(instant.timestamp())}-logs-{at:05d}", made


def _sample(path: str) -> bytes:
    return (FOLDER / path).read_bytes()


def _kscrash(path: str, random: Random, instant: datetime) -> bytes:
    report: dict[str, Any] = json.loads(_sample(path))
    report["report"]["timestamp"] = int(instant.timestamp())
    report["system"] |= {
        "CFBundleShortVersionString": random.choices(VERSIONS, (1, 2, 4, 8))[0],
        "machine": random.choice(PHONES),
        "system_version": random.choices(SYSTEMS, (1, 3, 6))[0],
    }
    report["user"] = {**(report.get("user") or {}), "user": {"id": f"u-{random.randrange(PEOPLE):04d}"}}
    return json.dumps(report).encode()


def _range(random: Random, instant: datetime) -> bytes:
    return _kscrash("kscrash-json/range-exception.json", random, instant)


def _bad_access(random: Random, instant: datetime) -> bytes:
    return _kscrash("kscrash-json/bad-access.json", random, instant)


def _android(random: Random, instant: datetime) -> bytes:
    event: dict[str, Any] = json.loads(_sample("sentry-event/android-chain.json"))
    event["timestamp"] = instant.timestamp()
    event["event_id"] = f"{random.getrandbits(128):032x}"
    event["contexts"]["device"]["model"] = random.choice(ANDROIDS)
    event["contexts"]["os"]["version"] = random.choice(("13", "14"))
    event["user"]["id"] = f"u-{random.randrange(PEOPLE):04d}"
    return json.dumps(event).encode()


def _java(random: Random, instant: datetime) -> bytes:
    text = _sample("java-trace/uncaught-logcat.txt").decode()
    return text.replace("Note 4711", f"Note {random.randrange(9_000)}").encode()


def _swift(random: Random, instant: datetime) -> bytes:
    return _sample("apple-ips/swift-fatal-error.ips")
