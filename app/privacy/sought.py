"""The user whose data is sought: recognised by what a log says of its user, or by the letters of the id anywhere in it."""

import json
import re
from functools import cached_property
from urllib.parse import quote

from app.crashes.facts import as_fact
from app.crashes.facts import facts as facts_of
from app.errors import AppError
from app.parsers import parse
from app.privacy.unpacking import pieces

MAX_LENGTH = 512  # characters of a user id
SCANNED_FROM = 6  # characters; a shorter id stands by chance in the logs of others

_WORD_BEFORE, _WORD_AFTER = rb"(?<![0-9A-Za-z])", rb"(?![0-9A-Za-z])"


class Sought:
    """One user id, and the ways in which it may be written."""

    def __init__(self, user_id: str, *, scan: bool) -> None:
        self.user_id = user_id
        self.fact = as_fact(user_id)
        self.scan = scan

    def is_named_in(self, raw: bytes) -> bool:
        """True when the log is one of that user's: it says so, or the id stands in it and letters count."""
        return self.stands_in(raw) or self._is_user_of(raw)

    def stands_in(self, raw: bytes) -> bool:
        """True when letters count and the id stands in the bytes: not within a longer run of letters and digits.

        As UTF-8, as JSON or a URL escapes it, and as UTF-16; inside gzip, zip and tar too.
        """
        return self.scan and any(self._stands_in(piece) for piece in pieces(raw))

    def stands_in_text(self, *texts: str | None) -> bool:
        """The same for texts of rows."""
        return any(self.stands_in(text.encode("utf-8", "replace")) for text in texts if text)

    def _is_user_of(self, raw: bytes) -> bool:
        try:
            return any(facts_of(report).user_id == self.fact for report in parse(raw))
        except AppError:
            return False  # in no format that tells of a user

    def _stands_in(self, raw: bytes) -> bool:
        if not any(form in raw for form in self._forms):  # ten times as fast as a pattern
            return False
        return self._pattern.search(raw) is not None

    @cached_property
    def _forms(self) -> list[bytes]:
        return [*self._narrow, self._wide]

    @cached_property
    def _narrow(self) -> list[bytes]:
        quoted = json.dumps(self.user_id)[1:-1]
        readable = json.dumps(self.user_id, ensure_ascii=False)[1:-1]
        forms = (self.user_id, quoted, readable, quoted.replace("/", "\\/"), quote(self.user_id, safe=""))
        return sorted({form.encode("utf-8", "replace") for form in forms})

    @cached_property
    def _wide(self) -> bytes:
        return self.user_id.encode("utf-16-le", "replace")

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        words = [_WORD_BEFORE + re.escape(form) + _WORD_AFTER for form in self._narrow]
        return re.compile(b"|".join([*words, re.escape(self._wide)]))
