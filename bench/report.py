"""RESULTS.md and results.json from what the cases found."""

import json
import os
import platform
import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import servers
from bench.measure import Outcome, Series, Target
from bench.stand import Stand
from bench.system import WEB_PROCESSES, WEB_THREADS, WORKER_PROCESSES

FOLDER = Path(__file__).parent
COLUMNS = 120
PACKAGES = ("flask", "granian", "gunicorn", "celery", "rq", "dramatiq", "sqlalchemy", "psycopg", "redis")


def write(stand: Stand, titles: Mapping[str, str], found: Mapping[str, Outcome], mode: str) -> Path:
    """Write both files, in which the cases that were not run stay as they are; returns the path of the one for people."""
    facts = _facts(stand, mode)
    when = {"date": facts["date"], "mode": mode, "rounds": stand.size.rounds}
    kept = {**_earlier(), **{name: {**_kept(outcome), **when} for name, outcome in found.items()}}
    cases = {name: kept[name] for name in titles if name in kept}
    text = [
        "# What was measured",
        "",
        "`make bench` writes this. Medians of the rounds (in each, all contestants run in turn), with the least and the greatest "
        "round. Each table tells when it was measured; `quick` is with fewer rows.",
        "",
        *(f"- {name}: {value}" for name, value in facts.items() if name not in ("date", "mode")),
    ]
    for name, case in cases.items():
        notes = [*case["notes"], f"Measured on {case['date']}, {case['mode']}, {case['rounds']} rounds."]
        text += ["", f"## {titles[name]}", "", *notes, "", *_table(_outcome(case))]
    target = FOLDER / "RESULTS.md"
    target.write_text("\n".join(line for one in text for line in wrapped(one)) + "\n")
    (FOLDER / "results.json").write_text(json.dumps({"facts": facts, "cases": cases}, indent=1) + "\n")
    return target


def wrapped(line: str) -> list[str]:
    """A line of text as some of COLUMNS at most; a row of a table stays one."""
    if line.startswith("|"):
        return [line]
    indent = "  " if line.startswith("- ") else ""
    return textwrap.wrap(line, COLUMNS, subsequent_indent=indent, break_on_hyphens=False) or [line]


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
        "processes": f"web {WEB_PROCESSES} × {WEB_THREADS} threads (crashq: granian, peers: gunicorn), "
        f"{WORKER_PROCESSES} worker processes each",
        "crashq": "tokens, tenancy and access checks on, every job a durable row, results in a folder",
        "peers": "no login, no access check, jobs and results in Redis; they read the same tables",
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _earlier() -> dict[str, dict[str, Any]]:
    """The cases of earlier runs, by name."""
    try:
        read = json.loads((FOLDER / "results.json").read_text())
    except FileNotFoundError:
        return {}
    when = {"date": read["facts"]["date"], "mode": read["facts"]["mode"]}
    return {
        name: {**when, "rounds": max(len(series["values"]) for series in case["series"]), **case}
        for name, case in read["cases"].items()
    }


def _outcome(case: dict[str, Any]) -> Outcome:
    """What `_kept` wrote, read again."""
    series = [Series(each["what"], each["unit"], each["values"]) for each in case["series"]]
    targets = [Target(**{key: value for key, value in each.items() if key != "is_met"}) for each in case["targets"]]
    return Outcome(series, targets, case["notes"])


def _kept(outcome: Outcome) -> dict[str, object]:
    return {
        "series": [{**asdict(series), "median": series.median} for series in outcome.series],
        "targets": [{**asdict(target), "is_met": target.is_met} for target in outcome.targets],
        "notes": outcome.notes,
    }
