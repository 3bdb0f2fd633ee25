"""An occurrence's id on the wire, `<log_id>-crash-<n>`, taken apart."""

import re

_NAME = re.compile(r"(?P<log_id>[A-Za-z0-9][A-Za-z0-9._-]{0,127})-crash-(?P<number>[1-9][0-9]{0,8})")


def read_occurrence_name(text: str) -> tuple[str, int] | None:
    """(log id, place in the log from 1); None when the text is no such name."""
    named = _NAME.fullmatch(text)
    return (named["log_id"], int(named["number"])) if named else None
