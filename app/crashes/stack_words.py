"""Words on stacks and in types for what every crash has, throwing, aborting, starting a thread: rules/stacks.toml."""

from app.crashes.rules import words_of

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
