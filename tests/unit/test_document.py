"""The bytes of a log as text and as JSON."""

import pytest

from app.errors import MalformedLog
from app.parsers import parse
from app.parsers.document import MAX_DEPTH, Document, load_json
from tests.processor_time import processor_time


@pytest.mark.parametrize(
    "raw",
    [
        "Käse\nZeile\n".encode(),
        "\ufeffKäse\nZeile\n".encode(),
        "Käse\r\nZeile\r\n".encode(),
        "Käse\rZeile\r".encode(),
        "Käse\nZeile\n".encode("utf-16"),
        "\ufeffKäse\nZeile\n".encode("utf-16-be"),
    ],
)
def test_text_is_the_same_in_every_encoding_that_names_itself(raw):
    assert Document(raw).text == "Käse\nZeile\n"


@pytest.mark.parametrize(
    "raw",
    [b"\xff", b"K\xe4se", "Käse".encode("utf-16-le"), b"a\0b", bytes(range(256)), b"\xff\xfe\0\xd8", b"\xed\xa0\x80"],
)
def test_other_bytes_have_no_text_and_no_json(raw):
    document = Document(raw)

    assert document.text is None
    assert document.json is None
    assert not document.looks_like_json


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"\xef\xbb\xbf [1, 2]\n", [1, 2]),
        (b'{"a": [1, 2,], }', {"a": [1, 2]}),
        (b'{"a": ",]",}', {"a": ",]"}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": 18446744073709551616}', {"a": 2**64}),
        (b'{"a": NaN, "b": -Infinity, "c": 1e999}', {"a": None, "b": None, "c": None}),
        (b'{"a": ' + b"9" * 5_000 + b"}", {"a": None}),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b"[" * 150 + b"]" * 150, None),
    ],
)
def test_json_is_read_as_loosely_as_crash_reporters_write_it(raw, value):
    document = Document(raw)

    assert document.json_problem is None
    assert value is None or document.json == value


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "not JSON"),
        (b"plain text", "not JSON"),
        (b'"a string"', "not JSON"),
        (b'{"a": 1', "cut short at line 1, column 8"),
        (b'{"a": "unended', "cut short at line 1, column 7"),
        (b'{"a"\n: b}', "not valid JSON at line 2, column 3"),
        (b'{"a": 1} {"b": 2}', "not valid JSON at line 1, column 10"),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), f"nested deeper than {MAX_DEPTH} levels"),
        (b"[" * 10_000 + b"]" * 10_000, f"nested deeper than {MAX_DEPTH} levels"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, f"nested deeper than {MAX_DEPTH} levels"),
        (b"[" * 1_000_000, f"nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_what_is_no_json_says_why(raw, problem):
    document = Document(raw)

    assert document.json is None
    assert document.json_problem == problem


@pytest.mark.parametrize("length", [0, 1, 2, 7, 13, 24])
def test_every_prefix_of_json_is_refused(length):
    whole = '{"a": [1, {"b": "c\\n"}]}'

    value, problem = load_json(whole[: min(length, len(whole) - 1)])

    assert value is None
    assert problem


def test_a_few_broken_bytes_of_utf_8_are_marked_in_the_text():
    log = b"java.lang.Error: price 5 \xe2\x82\r\n" + b"\tat com.example.shop.Main.run(Main.java:1)\r\n" * 4

    text = Document(log).text

    assert text is not None
    assert text.startswith("java.lang.Error: price 5 \ufffd\n\tat com")


@pytest.mark.parametrize(
    "log", [b"\xe9\xe8" * 40, b"\x0a\x04text\x12\x08" + b"a" * 200 + b"\xff", b"a" * 200 + b"\xff\0a"]
)
def test_what_is_mostly_no_utf_8_or_holds_control_characters_is_no_text(log):
    assert Document(log).text is None


@pytest.mark.parametrize("end", ["", "\\"])
def test_json_cut_within_a_text_full_of_quotes_is_refused_in_time_that_grows_with_its_size(end):
    with processor_time() as taken:
        value, problem = load_json('{"a": [1,], "b": "' + '\\"' * 500_000 + end)

        assert value is None
        assert problem

        assert taken() < 10  # seconds; with a try at each quote it took hours


LINE = "java.lang.Error: x\n\tat com.example.A.b(A.java:1)\n"


@pytest.mark.parametrize(
    ("log", "text"),
    [
        (LINE.encode() + b"\0" * 4096, LINE),
        (LINE.encode("utf-16") + b"\0" * 4096, LINE),
        (LINE.encode("utf-16")[:-1], LINE[:-1]),
    ],
    ids=["NUL characters behind it", "NUL characters behind UTF-16", "UTF-16 cut within a character"],
)
def test_what_a_loss_of_power_leaves_at_the_end_does_not_matter(log, text):
    assert Document(log).text == text


@pytest.mark.parametrize("log", [b"", b" \n", b"\xef\xbb\xbf", b"\xff\xfe", b"\0" * 4096])
def test_a_log_that_holds_nothing_is_refused_as_empty(log):
    with pytest.raises(MalformedLog, match="is empty"):
        parse(log)
