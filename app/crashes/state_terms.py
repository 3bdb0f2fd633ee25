"""What ends the state of a crash, as its row keeps it: JSON of `known`, `occurrences`, `users` and `before`.

`known`: the versions of the app that were known when the crash was resolved. `occurrences`, `users`: how many more end its
being ignored. `before`: how many users it had on that UTC day already.
"""

import json
from typing import Any


def write_terms(**terms: Any) -> str | None:
    """The text; None for nothing."""
    given = {name: value for name, value in terms.items() if value is not None}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")) if given else None


def read_terms(text: str | None) -> dict[str, Any]:
    """What the text says."""
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def known_in(text: str | None) -> frozenset[str]:
    """The versions that were known."""
    return frozenset(read_terms(text).get("known", ()))


def users_in(text: str | None) -> int | None:
    """How many users, those of the day itself with them, end the state; None where users do not."""
    terms = read_terms(text)
    return terms["users"] + terms["before"] if "users" in terms else None
