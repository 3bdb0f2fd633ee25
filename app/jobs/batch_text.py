"""Batch text, a part for speed (`app.speed`): PostgreSQL makes the rows of a part, so Python has no object for any of them."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from app.crashes.facts import Facts, facts
from app.db.queries.batch_rows import Scope, read_place
from app.db.queries.batch_text import PageText, PartPage, devices_and_users, page_text, pages_between, undescribed
from app.jobs.batch_logs import LogReader
from app.jobs.batch_params import FILTERS, Filters
from app.jobs.job_type import PartCount, Run
from app.redaction.crash_log import redact_facts
from app.redaction.rules import Rules

T = TypeVar("T")
AHEAD = 2  # texts: one being made, one that waits to be


class TextMaker:
    """Has the pages of a part made as text, and counts what is in them."""

    def __init__(self, params: Filters, scope: Scope, run: Run, rules: Rules) -> None:
        self._scope, self._run, self._rules = scope, run, rules
        self._filters = {name: list(getattr(params, name)) or None for name in FILTERS}
        self._logs = LogReader(run)

    def texts(self, name: str, after: str | None, upto: str, units: int, count: PartCount) -> Iterator[bytes]:
        """The rows between two places as `csv` or `ndjson`, a page at a time."""
        begin = read_place(after) if after else None
        pages = pages_between(self._run.db, self._scope, begin, read_place(upto), units)
        for page, made in _ahead(self._made(name, pages)):
            if made.unreadable:
                told = self._facts_of_logs(page)
                made = page_text(self._run.db, name, page, self._filters, told, self._replacements(page, told))
            count.read += made.read
            count.rows += made.rows
            count.unreadable += made.unreadable
            self._run.advance(made.read)
            yield made.text

    def _made(self, name: str, pages: Iterator[PartPage]) -> Iterator[tuple[PartPage, PageText]]:
        """The pages with their texts. Where a page ends is known before the text of the one before is given away, so that
        its own text is what is asked for first.
        """
        page = next(pages, None)
        while page is not None:
            made = self._text(name, page)
            following = next(pages, None)
            yield page, made
            page = following

    def _text(self, name: str, page: PartPage) -> PageText:
        return page_text(self._run.db, name, page, self._filters, None, self._replacements(page, {}))

    def _facts_of_logs(self, page: PartPage) -> dict[int, Facts]:
        """What the logs tell of occurrences that no digest described; those whose logs cannot be read are not in it."""
        told = {}
        found = undescribed(self._run.db, page)
        self._logs.look_up({one.log_row for one in found})
        for row_id, log_row, number in found:
            read = self._logs.read(log_row, number)
            self._run.advance(0)
            if read is not None:
                told[row_id] = facts(read[1])
        return told

    def _replacements(self, page: PartPage, told: dict[int, Facts]) -> tuple[dict[str, str], dict[str, str]] | None:
        """What stands in place of the devices and of the users whose names the app's rules change."""
        if not self._rules.is_on:
            return None
        devices, users = devices_and_users(self._run.db, page)
        devices |= {known.device_model for known in told.values() if known.device_model is not None}
        users |= {known.user_id for known in told.values() if known.user_id is not None}
        shown_devices, shown_users = {}, {}
        for device in devices:
            shown_devices[device] = redact_facts(Facts(device_model=device), self._rules).device_model or ""
        for user in users:
            shown_users[user] = redact_facts(Facts(user_id=user), self._rules).user_id or ""
        return (
            {device: text for device, text in shown_devices.items() if text != device},
            {user: text for user, text in shown_users.items() if text != user},
        )


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same, made by a thread of its own while those before are stored, so that PostgreSQL and this process work at the
    same time.

    The thread has the next item begun when it gives one away: what stores it may keep Python's lock for as long as it
    works, as arro3 does, and nothing could be sent to PostgreSQL meanwhile.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batch-text") as helper:
        following = deque(helper.submit(next, items, None) for _ in range(AHEAD))
        try:
            while (item := following.popleft().result()) is not None:
                following.append(helper.submit(next, items, None))
                yield item
        finally:
            for waiting in following:
                waiting.cancel()
