"""Crashes with one title, as lists tell them apart."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.crashes.distinction import Titled, told_apart
from app.crashes.fingerprint import crash_identifier, fingerprint
from app.crashes.log import CrashLog
from app.crashes.title import MAX_LENGTH, title
from app.errors import MalformedLog
from app.parsers import parse
from app.samples import samples
from app.symbols.resolving import demangled
from tests.grouping_pairs import LANGUAGES, cases

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")

TITLE = "SIGSEGV in game::Texture::bind(int)"
TYPE = "type: bad memory access"


def told(*parts: tuple[str, ...], alike: str = TITLE) -> list[str]:
    return told_apart([Titled(alike, f"{at:06x}", one) for at, one in enumerate(parts)])


def test_titles_that_differ_stay_as_they_are():
    assert told_apart([Titled("a", "1", (TYPE,)), Titled("b", "2", (TYPE,))]) == ["a", "b"]


def test_alike_titles_name_the_first_frame_in_which_the_crashes_differ():
    bind = "frame: game::Texture::bind"

    assert told((TYPE, bind, "frame: game::Renderer::draw"), (TYPE, bind, "frame: game::Minimap::draw")) == [
        f"{TITLE}, from game::Renderer::draw",
        f"{TITLE}, from game::Minimap::draw",
    ]
    assert told((TYPE, bind), (TYPE, bind, "frame: game::Minimap::draw")) == [
        TITLE,
        f"{TITLE}, from game::Minimap::draw",
    ]


def test_alike_titles_name_what_ended_what_wrapped_and_what_the_sender_wished():
    assert told(("type: java.lang.A", "frame: f"), ("type: java.lang.B", "frame: f")) == [
        f"{TITLE} (java.lang.A)",
        f"{TITLE} (java.lang.B)",
    ]
    assert told(("hint: checkout",), ("hint: login",)) == [f"{TITLE} [checkout]", f"{TITLE} [login]"]
    assert told(("ended by: A 0x1",), ("ended by: B 0x2",))[0] == f"{TITLE}, ended by A 0x1"
    assert told(("image: a",), ("process: b",)) == [f"{TITLE}, by a", f"{TITLE} in b"]


def test_more_parts_are_named_where_one_does_not_tell_all_apart():
    one, two, three = told(("frame: a", "frame: c"), ("frame: a", "frame: d"), ("frame: b",))

    assert (one, two, three) == (f"{TITLE}, from a, from c", f"{TITLE}, from a, from d", f"{TITLE}, from b")


def test_crashes_whose_parts_look_alike_too_are_told_by_their_identifiers():
    assert told((TYPE,), (TYPE,)) == [f"{TITLE} #000000", f"{TITLE} #000001"]


def test_without_parts_nothing_is_added():
    assert told((), ()) == [TITLE, TITLE]


def test_a_title_keeps_its_length_and_its_line():
    long, other = told((f"frame: {'x' * 300}\n",), ("frame: y",), alike="T" * MAX_LENGTH)

    assert len(long) == len(other) == MAX_LENGTH
    assert "\n" not in long
    assert other.endswith(", from y")


def test_no_two_groups_of_hand_made_and_real_logs_look_the_same_in_a_list():
    crashes: dict[str, Titled] = {}
    for log in (*(log for language in LANGUAGES for _, _, log in cases(language)), *real_logs()):
        read = demangled(log)
        made = fingerprint(read)
        crashes.setdefault(made.value, Titled(title(read), crash_identifier("app", made), made.parts))

    titles = told_apart(list(crashes.values()))

    assert len(set(titles)) == len(titles)
    assert not any(f"#{one.identifier[:6]}" in shown for one, shown in zip(crashes.values(), titles, strict=True))


def real_logs() -> Iterator[CrashLog]:
    for path in (*samples(), *(path for folder in (CORPUS, CORPUS.parent / "faults") for path in folder.rglob("*"))):
        if path.is_file():
            with suppress(MalformedLog):
                yield from parse(path.read_bytes())
