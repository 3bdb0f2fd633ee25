"""Words that the rules of grouping go by, as data: one TOML file for each language or subject, in this folder."""

import tomllib
from importlib.resources import files
from typing import Any


def words_of(name: str) -> dict[str, Any]:
    """What the file `<name>.toml` says: lists of texts by name, or tables of these."""
    return tomllib.loads((files(__name__) / f"{name}.toml").read_text(encoding="utf-8"))
