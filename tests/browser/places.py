"""Every page of the console, by its address."""

import re
from typing import Any

from app import create_app
from app.services import Services

VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
FILES = "console.static_files."


def addresses(services: Services, known: dict[str, Any]) -> list[str]:
    """The address of each page, with these values for the variables of its path. Raises KeyError for one without a value."""
    rules = create_app(services).url_map.iter_rules()
    pages = sorted(
        rule.rule
        for rule in rules
        if rule.endpoint.startswith("console.")
        and not rule.endpoint.startswith(FILES)
        and "GET" in (rule.methods or ())
    )
    return [VARIABLE.sub(lambda found: str(known[found[1]]), page) for page in pages]
