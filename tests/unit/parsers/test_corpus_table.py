"""What tests/CORPUS.md says of the corpus of real logs, whole."""

from pathlib import Path

import pytest

from tests.corpus_table import CORPUS, fate, table

DOCS = Path(__file__).parents[2] / "CORPUS.md"


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus of real logs at {CORPUS}")
def test_the_docs_hold_the_table_as_it_comes_out_now():
    assert "\n".join(table()) in DOCS.read_text()


def test_a_log_that_no_parser_reads_is_rejected_with_a_reason():
    assert fate(b"nothing") == (None, 0, "The log is text but holds no crash report in a known format")
