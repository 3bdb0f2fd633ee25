"""What commands say: results on standard output, as plain lines or JSON; everything else on standard error."""

import json
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from app.client import ClientError, Refused
from app.one_line import one_line

TELL_EVERY = 15.0  # seconds between two lines of progress that are no bar
TELL_FROM = 0.1  # or whenever this share of the whole has been done since


class Bar:
    """The progress of one thing: a bar on a terminal, now and then a line elsewhere."""

    def __init__(self, teller: "Teller", title: str, progress: Progress | None) -> None:
        self._teller, self._title, self._progress = teller, title, progress
        self._task = progress.add_task(escape(title), total=None, shown="") if progress else None
        self._last_progress: tuple[float, int, int] | None = None

    def update(self, done: int, total: int, shown: str) -> None:
        """Tell how far it is; `shown` is that in words."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total or None, shown=escape(plain(shown)))
            return
        now = time.monotonic()
        if self._last_progress is not None:
            at, before, of = self._last_progress
            if of == total and (before == done or (now - at < TELL_EVERY and done - before < total * TELL_FROM)):
                return
        self._last_progress = (now, done, total)
        self._teller.note(f"{self._title}: {shown}")


class Teller:
    """How one command talks."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json, self._quiet = as_json, quiet
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def value(self, value: BaseModel | Mapping[str, Any], lines: Iterable[str]) -> None:
        """One result: a JSON value, or lines."""
        if self.as_json:
            click.echo(as_json(value))
        else:
            for line in lines:
                click.echo(plain(line))

    def rows(self, rows: Iterable[BaseModel], columns: tuple[str, ...]) -> int:
        """A row a line: JSON Lines, or these columns with tabs between them. Returns how many there were."""
        count = 0
        for count, row in enumerate(rows, 1):  # noqa: B007  counted after the loop
            line = as_json(row) if self.as_json else "\t".join(plain(_cell(getattr(row, name))) for name in columns)
            click.echo(line)
        return count

    def note(self, text: str) -> None:
        """Something on the way."""
        if not self._quiet:
            click.echo(plain(text), err=True)

    def warn(self, text: str) -> None:
        """Something that has to be known, however quiet."""
        click.echo(plain(text), err=True)

    def problem(self, problem: ClientError | OSError, go_on: str = "") -> None:
        """Why it has not worked, and what to do next."""
        message, advice = _message_and_advice(problem)
        advice = " ".join(f"{text}." for text in (advice, go_on) if text)
        if self.as_json:
            known = {"status": problem.status, "code": problem.code} if isinstance(problem, Refused) else {}
            click.echo(as_json({"error_message": message, "next": advice, **known}), err=True)
        else:
            click.echo(plain(f"crashq: {message}. {advice}".rstrip()), err=True)

    def retry(self, problem: ClientError, pause: float) -> None:
        """Say that a call is tried again after a pause."""
        self.note(f"{problem.message}; trying again in {pause:.0f} s")

    @contextmanager
    def bar(self, title: str) -> Iterator[Bar]:
        """The progress of something while the block runs."""
        if self._quiet or not self._console.is_terminal:
            yield Bar(self, title, None)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[shown]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True, redirect_stdout=sys.stdout.isatty()) as progress:
            yield Bar(self, title, progress)


def as_json(value: BaseModel | Mapping[str, Any]) -> str:
    """One line."""
    if isinstance(value, BaseModel):
        return one_line(value.model_dump_json())
    return one_line(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def plain(text: str) -> str:
    """Text without what moves a terminal's cursor: titles and names come from crashed apps."""
    if text.isprintable():
        return text
    return "".join(sign if sign in "\t" or unicodedata.category(sign)[0] != "C" else "�" for sign in text)


def size(count: int) -> str:
    """Bytes for people: `1.5 MB`."""
    if count < 1_000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1_000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1_000:.1f} TB"


def _message_and_advice(problem: ClientError | OSError) -> tuple[str, str]:
    if isinstance(problem, ClientError):
        return problem.message.rstrip("."), problem.advice.rstrip(".")
    where = f"{problem.filename}: " if problem.filename else ""
    return f"{where}{problem.strerror or problem}", ""


def _cell(value: Any) -> str:
    return " ".join(str(value).split()) if value is not None else "-"
