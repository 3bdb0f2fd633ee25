"""Words that the rules of grouping go by: one TOML file for each language or subject, in this folder."""

import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any


def words_of(name: str) -> dict[str, Any]:
    """What the file `<name>.toml` says: lists of texts by name, or tables of these."""
    return tomllib.loads((files(__name__) / f"{name}.toml").read_text(encoding="utf-8"))


class Words:
    """Names of functions: whole ones, and how some begin (they end in `*` in the file)."""

    def __init__(self, told: Iterable[str]) -> None:
        told = tuple(told)
        self.whole = frozenset(word for word in told if not word.endswith("*"))
        self.begins = tuple(word[:-1] for word in told if word.endswith("*"))

    def __contains__(self, name: str) -> bool:
        return name in self.whole or name.startswith(self.begins)

    def __iter__(self) -> Iterator[str]:
        yield from self.whole
        yield from (f"{word}*" for word in self.begins)


def _of_all(tables: dict[str, dict[str, list[str]]], name: str) -> list[str]:
    return [word for table in tables.values() for word in table.get(name, ())]


_stacks, _blame = words_of("stacks"), words_of("blame")

HANDLERS = Words(_of_all(_blame, "handlers"))
ENDING = Words(_of_all(_blame, "ending"))
RAISING = Words(_of_all(_blame, "raising"))
FRONT_ENDS = Words(_of_all(_blame, "front_ends"))
CAUSES = Words(_of_all(_blame, "causes"))
REPORTING: frozenset[str] = frozenset(_of_all(_blame, "reporting"))
REPORTERS = Words(_of_all(_blame, "reporters"))
SEEING = Words(_of_all(_blame, "seeing"))
CHECKED: frozenset[str] = frozenset(_of_all(_blame, "checked"))
ALIKE: tuple[str, ...] = tuple(_of_all(_blame, "alike"))
ALIKE_WHOLE: frozenset[str] = frozenset(_of_all(_blame, "alike_whole"))
ENTRY_POINTS: frozenset[str] = frozenset(_of_all(_blame, "entry_points"))
_rust = words_of("rust")
RUST_SYSTEM: frozenset[str] = frozenset((*_rust["system"], *_rust["in_images"]))
PLUMBING: tuple[str, ...] = (
    *_stacks["plumbing"],
    *(f"{pre}{crate}::" for crate in _rust["in_images"] for pre in ("", "<")),
)
SWIFT_PLUMBING: tuple[str, ...] = tuple(_stacks["swift_plumbing"])
OVERFLOW_TYPES: frozenset[str] = frozenset(_stacks["overflow_types"])
CHANCE_TYPES: frozenset[str] = frozenset(_stacks["chance_types"])
CODED_TYPES: frozenset[str] = frozenset(_stacks["coded_types"])
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

GO_SYSTEM: frozenset[str] = frozenset(words_of("go")["system"])
LIBRARY_FOLDERS: tuple[str, ...] = tuple(words_of("libraries")["folders"])

_terminations = words_of("terminations")

TERMINATION_NAMESPACES: dict[str, str] = _terminations["namespaces"]
TERMINATION_CODES: dict[int, str] = {int(code, 16): meaning for code, meaning in _terminations["codes"].items()}
