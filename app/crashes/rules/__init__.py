"""Words that the rules of grouping go by: one TOML file for each language or subject, in this folder."""

import tomllib
from importlib.resources import files
from typing import Any


def words_of(name: str) -> dict[str, Any]:
    """What the file `<name>.toml` says: lists of texts by name, or tables of these."""
    return tomllib.loads((files(__name__) / f"{name}.toml").read_text(encoding="utf-8"))


_stacks = words_of("stacks")

TRAMPOLINES: frozenset[str] = frozenset(_stacks["trampolines"])
THROWING: tuple[str, ...] = tuple(_stacks["throwing"])
SANITIZERS: tuple[str, ...] = tuple(_stacks["sanitizers"])
CHECKED: frozenset[str] = frozenset(_stacks["checked"])
ENTRY_POINTS: frozenset[str] = frozenset(_stacks["entry_points"])
PLUMBING: tuple[str, ...] = tuple(_stacks["plumbing"])
SWIFT_PLUMBING: tuple[str, ...] = tuple(_stacks["swift_plumbing"])
OVERFLOW_TYPES: frozenset[str] = frozenset(_stacks["overflow_types"])
SAME_TYPE: dict[str, str] = {name: kind for kind, names in _stacks["same_type"].items() for name in names}
"""A type as a log names it -> what it is called in a fingerprint."""


_java, _images, _javascript = words_of("java"), words_of("images"), words_of("javascript")

FAMILIES: dict[str, str] = words_of("families")["families"]
"""CrashLog.platform -> the language family whose rules decide."""

JAVA_SYSTEM: tuple[str, ...] = tuple(_java["system"])
JAVA_GENERATED: tuple[str, ...] = tuple(_java["generated"])
JAVA_IMAGES: tuple[str, ...] = tuple(_java["images"])

SYSTEM_FOLDERS: tuple[str, ...] = tuple(_images["system_folders"])
SYSTEM_FOLDERS_ANYWHERE: tuple[str, ...] = tuple(_images["system_folders_anywhere"])
BUNDLE_FOLDERS: tuple[str, ...] = tuple(_images["bundle_folders"])
RUNTIME_IMAGE_PREFIXES: tuple[str, ...] = tuple(_images["runtime_prefixes"])
SYSTEM_IMAGES: frozenset[str] = frozenset(_images["system"])
REPORTER_IMAGES: frozenset[str] = frozenset(_images["reporters"])

JAVASCRIPT_SYSTEM: tuple[str, ...] = tuple(_javascript["system"])
JAVASCRIPT_LIBRARY_FOLDERS: tuple[str, ...] = tuple(_javascript["library_folders"])
NODE_CORE: frozenset[str] = frozenset(_javascript["node_core"])

PYTHON_LIBRARY_FOLDERS: tuple[str, ...] = tuple(words_of("python")["library_folders"])
CSHARP_SYSTEM: tuple[str, ...] = tuple(words_of("csharp")["system"])
DART_SYSTEM: tuple[str, ...] = tuple(words_of("dart")["system"])
