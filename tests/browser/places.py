"""Every page of the console, by its address."""

import re
from typing import Any

from app import create_app
from app.services import Services

VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
FILES = "console.static_files."


def pages(services: Services) -> list[str]:
    """The path of each page as it is routed, with its variables."""
    return sorted(
        rule.rule
        for rule in create_app(services).url_map.iter_rules()
        if rule.endpoint.startswith("console.")
        and not rule.endpoint.startswith(FILES)
        and "GET" in (rule.methods or ())
    )


def variables(page: str) -> list[str]:
    """The names of the variables in a path."""
    return VARIABLE.findall(page)


def filled(page: str, known: dict[str, Any]) -> str:
    """The path with these values for its variables. Raises KeyError for one without a value."""
    return VARIABLE.sub(lambda found: str(known[found[1]]), page)
