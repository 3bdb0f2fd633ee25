"""What a log that nothing reads is rejected with: what it is instead, and what to do."""

import pytest

from app.errors import MalformedLog
from app.parsers import parse
from tests.symbols import sym

SYMBOLS = {
    "Breakpad": sym("0a0b0c0d-0000-4000-8000-000000000002", "tap"),
    "R8": b"# compiler: R8\n# min_api: 21\ncom.example.notes.Page -> a.a:\n    void tap() -> a\n",
    "ProGuard": b"com.example.notes.Page -> a.a:\n    void tap() -> a\n",
}


@pytest.mark.parametrize("kind", SYMBOLS)
def test_a_file_of_symbols_is_rejected_with_where_it_goes(kind):
    with pytest.raises(MalformedLog, match="file of symbols, not a log: send it with crashq symbols add"):
        parse(SYMBOLS[kind])


def test_prose_with_an_arrow_is_none():
    with pytest.raises(MalformedLog, match="holds no crash report in a known format"):
        parse(b"Open the app -> tap on pay:\nit crashed\n")
