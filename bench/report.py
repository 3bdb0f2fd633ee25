"""RESULTS.md and results.json from what the cases found."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import servers
from bench.measure import Outcome, Series, Target
from bench.stand import Stand
from bench.system import WEB_PROCESSES, WEB_THREADS, WORKER_PROCESSES

FOLDER = Path(__file__).parent
PACKAGES = ("flask", "gunicorn", "celery", "rq", "dramatiq", "sqlalchemy", "psycopg", "redis")


def write(stand: Stand, titles: Mapping[str, str], found: Mapping[str, Outcome], mode: str) -> Path:
    """Write both files; returns the path of the one for people."""
    facts = _facts(stand, mode)
    text = [
        "# What was measured",
        "",
        f"`make bench{'-quick' if mode == 'quick' else ''}` wrote this on {facts['date']}. Medians of {stand.size.rounds} rounds "
        "(in each, all contestants take turns), with the least and the greatest round.",
        "",
        *(f"- {name}: {value}" for name, value in facts.items() if name not in ("date", "mode")),
    ]
    for name, outcome in found.items():
        text += ["", f"## {titles[name]}", "", *outcome.notes, *([""] if outcome.notes else []), *_table(outcome)]
    target = FOLDER / "RESULTS.md"
    target.write_text("\n".join(text) + "\n")
    kept = {"facts": facts, "cases": {name: _kept(outcome) for name, outcome in found.items()}}
    (FOLDER / "results.json").write_text(json.dumps(kept, indent=1) + "\n")
    return target


def figure(value: float) -> str:
    """A number as people write it: three digits that count."""
    for least, form in ((100, ",.0f"), (10, ".1f"), (1, ".2f")):
        if abs(value) >= least:
            return format(value, form)
    return f"{value:.3f}" if value else "0"


def _table(outcome: Outcome) -> list[str]:
    lines = ["| | median | min – max |", "|---|---|---|"]
    lines += [_line(series) for series in outcome.series]
    if outcome.targets:
        lines += ["", "| crashq's target | is | should be | |", "|---|---|---|---|"]
        lines += [_verdict(target) for target in outcome.targets]
    return lines


def _line(series: Series) -> str:
    spread = f"{figure(min(series.values))} – {figure(max(series.values))}" if len(set(series.values)) > 1 else ""
    return f"| {series.what} | {figure(series.median)} {series.unit} | {spread} |"


def _verdict(target: Target) -> str:
    side = "≤" if target.at_most else "≥"
    met = "met" if target.is_met else "**not met**"
    return f"| {target.what} | {figure(target.value)} {target.unit} | {side} {target.limit:g} {target.unit} | {met} |"


def _facts(stand: Stand, mode: str) -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "mode": mode,
        "machine": f"{os.cpu_count()} × {_processor()}, {memory:.0f} GiB, Linux {platform.release()}, client on the same machine",
        "Python": f"{platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in PACKAGES)}",
        "PostgreSQL": f"{servers.version_of(stand.address)} for everyone, with {servers.SETTINGS_SAID}",
        "Redis": f"{servers.redis_version(stand.made.environ['REDIS_URL'])} without persistence, one for each system",
        "processes": f"gunicorn {WEB_PROCESSES} × {WEB_THREADS} threads and {WORKER_PROCESSES} worker processes for each system",
        "crashq": "tokens, tenancy and access checks on, every job a durable row, results in a folder",
        "peers": "no login, no access check, jobs and results in Redis; they read the same tables",
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _kept(outcome: Outcome) -> dict[str, object]:
    return {
        "series": [{**asdict(series), "median": series.median} for series in outcome.series],
        "targets": [{**asdict(target), "is_met": target.is_met} for target in outcome.targets],
        "notes": outcome.notes,
    }
