"""Every shipped sample is claimed by exactly one parser and read as its expected JSON says.

After a wanted change: `.venv/bin/python tests/unit/parsers/test_samples.py` writes the expected files anew; read their diff.
"""

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.crashes.facts import circumstances, facts
from app.crashes.fingerprint import fingerprint
from app.crashes.title import title
from app.parsers import PARSERS, parse, recognise
from app.parsers.document import Document
from app.samples import samples

EXPECTED = Path(__file__).parents[2] / "expected"
SAMPLES = samples()


def expected_file(sample: Path) -> Path:
    return EXPECTED / sample.parent.name / f"{sample.name}.json"


def told(raw: bytes) -> str:
    """What the parser makes of a log, as JSON with all that is unknown left out."""
    crashes = [
        {
            "title": title(log),
            "fingerprint": dataclasses.asdict(fingerprint(log)),
            **_known(dataclasses.asdict(dataclasses.replace(log, walk=None))),
        }
        for log in parse(raw)
    ]
    return json.dumps(crashes, indent=1, ensure_ascii=False, default=_plain) + "\n"


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: kept for key, child in value.items() if (kept := _known(child)) not in (None, {}, [])}
    if isinstance(value, (list, tuple)):
        return [_known(child) for child in value]
    return value


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else dict(value)  # type: ignore[call-overload]


def ids(sample: Path) -> str:
    return f"{sample.parent.name}/{sample.name}"


def test_every_format_has_a_sample():
    assert {sample.parent.name for sample in SAMPLES} == set(PARSERS)


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
def test_exactly_the_parser_of_its_folder_claims_a_sample(sample: Path):
    claims = [name for name, parser in PARSERS.items() if parser.sniff(Document(sample.read_bytes()))]

    assert claims == [sample.parent.name]


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
def test_a_sample_is_read_as_expected(sample: Path):
    assert told(sample.read_bytes()) == expected_file(sample).read_text()


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
def test_a_sample_read_in_brief_is_the_same_crash_with_the_same_facts(sample: Path):
    def crashes(brief: bool) -> list[object]:
        document = Document(sample.read_bytes(), brief=brief)
        return [
            (fingerprint(log), title(log), facts(log), circumstances(log), log.occurred_at)
            for log in recognise(document).parse(document)
        ]

    assert crashes(brief=True) == crashes(brief=False) != []


def test_no_expected_file_is_left_without_its_sample():
    assert {path for path in EXPECTED.glob("*/*") if path.is_file()} == {expected_file(sample) for sample in SAMPLES}


if __name__ == "__main__":
    for each in SAMPLES:
        expected_file(each).parent.mkdir(parents=True, exist_ok=True)
        expected_file(each).write_text(told(each.read_bytes()))
