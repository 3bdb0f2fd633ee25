"""How well the rules group, in figures: hand-made cases by language, and a corpus of labelled events where there is one."""

import os
import re
from collections.abc import Hashable
from pathlib import Path

import pytest

from app.crashes.fingerprint import fingerprint
from app.parsers import parse
from tests.grouping_pairs import LANGUAGES, Judged, cases, judge

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus") / "sentry-event"

FIGURES = {  # pairs: right, wrong, missed; docs/decisions/0033-grouping-rules.md tells them
    "blame_apple": Judged(15, 0, 0),
    "blame_native": Judged(15, 0, 0),
    "blame_scripts": Judged(3, 0, 0),
    "cpp": Judged(15, 0, 0),
    "csharp": Judged(10, 0, 0),
    "dart": Judged(6, 0, 0),
    "held_out_apple": Judged(8, 0, 1),
    "held_out_endings": Judged(5, 0, 0),
    "held_out_java": Judged(5, 0, 0),
    "held_out_late": Judged(8, 0, 0),
    "held_out_managed": Judged(4, 0, 0),
    "held_out_native": Judged(9, 0, 1),
    "held_out_scripts": Judged(2, 1, 0),
    "java": Judged(18, 0, 0),
    "javascript": Judged(7, 0, 0),
    "objc": Judged(8, 0, 0),
    "scanned": Judged(7, 0, 1),
    "swift": Judged(11, 0, 0),
}


def judged(language: str) -> Judged:
    crashes: dict[Hashable, tuple[str, str]] = {
        (group, number): (group, fingerprint(crash).value) for group, number, crash in cases(language)
    }
    return judge(crashes)


def test_there_are_figures_of_every_file_of_cases():
    assert sorted(FIGURES) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cases_of_a_language_are_grouped_as_well_as_the_docs_say(language: str):
    assert judged(language) == FIGURES[language]


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus of real logs at {CORPUS}")
def test_labelled_events_of_the_corpus_are_grouped_as_their_labels_say():
    crashes: dict[Hashable, tuple[str, str]] = {}
    for path in sorted(CORPUS.iterdir()):
        label = re.fullmatch(r"group_(\d+)_event_\d+\.json", path.name)
        if label:
            [crash] = parse(path.read_bytes())
            crashes[path.name] = (label[1], fingerprint(crash).value)

    assert len(crashes) == 12
    assert judge(crashes) == Judged(right=5, wrong=0, missed=0)


def test_pairs_are_judged_by_group_and_fingerprint():
    figures = judge({1: ("a", "x"), 2: ("a", "x"), 3: ("a", "y"), 4: ("b", "y")})

    assert figures == Judged(right=1, wrong=1, missed=2)
    assert (figures.precision, figures.recall) == (0.5, 1 / 3)
