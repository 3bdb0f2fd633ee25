"""Pages of a list by number, which every list of the API reads the same way."""

import subprocess
import sys

import pytest

from app.errors import BadParameters
from app.paging import MAX_OFFSET, offset_of, read_paging


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (None, None)),
        ({"page": "", "per_page": " "}, (None, None)),
        ({"page": "3"}, (3, 1_000)),
        ({"per_page": "7"}, (1, 7)),
        ({"page": "-2", "per_page": "10000"}, (1, 10_000)),
        ({"per_page": "0"}, (1, 1_000)),
        ({"per_page": "10001"}, (1, 1_000)),
    ],
)
def test_a_page_is_counted_from_one_and_a_size_out_of_range_is_the_default(query, expected):
    assert read_paging(query) == expected


@pytest.mark.parametrize("value", ["one", "1e3", "1.0", "--1", "-", "٣"])
def test_what_is_no_whole_number_is_refused_by_name(value):
    with pytest.raises(BadParameters, match="page is not a whole number"):
        read_paging({"page": value})


def test_a_page_beyond_any_table_stays_within_the_integers_of_the_database():
    assert offset_of(1, 50) == 0
    assert offset_of(3, 50) == 100
    assert offset_of(int("9" * 20), 10_000) == MAX_OFFSET < 2**63


def test_reading_a_page_loads_no_job_type():
    loaded = (
        "import sys, app.json_models, app.json_models; print(any(name.startswith('app.jobs') for name in sys.modules))"
    )

    found = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True)

    assert found.stdout.strip() == "False"
