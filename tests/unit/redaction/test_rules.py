"""What the patterns find, what they leave, and which rules are refused."""

import time

import pytest

from app.errors import BadParameters
from app.redaction.rules import MAX_REGEX, PATTERNS, read_rules

EVERYTHING = read_rules({"patterns": list(PATTERNS)})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail ada@example.com now", "mail [email] now"),
        ("ada.lovelace+notes@mail.example.co.uk", "[email]"),
        ("to=ada%40example.com&x", "to=[email]&x"),
        ("zoë@example.com", "[email]"),
        ("from 192.0.2.7:80", "from [ip]:80"),
        ("2001:db8::1 and fe80::1%en0", "[ip] and [ip]%en0"),
        ("4111 1111 1111 1111", "[card]"),
        ("card=378282246310005;", "card=[card];"),
        ("Authorization: Bearer abcdef.ghi-jkl", "Authorization: [token]"),
        ("eyJhbGciOi.eyJzdWIiOi.c2ln", "[token]"),
        ("AKIAIOSFODNN7EXAMPLE", "[token]"),
        ("https://example.com/?api_key=12345abc&page=2", "https://example.com/?[token]&page=2"),
        ("ada@example.com at 192.0.2.7", "[email] at [ip]"),
        ("broken \ud800 ada@example.com", "broken \ufffd [email]"),
    ],
)
def test_what_identifies_a_person_or_opens_a_door_is_replaced_by_what_it_was(text, shown):
    assert EVERYTHING.text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "com.example.Page@1a2b3c",
        "version 1.2.3.4.5",
        "version 10.0.19041.1",
        "at 12:34:56",
        "std::vector<ab::cd>::push_back",
        "4111 1111 1111 1112",  # wrong check digit
        "1536831773000",
        "0x0000000102030405",
        "-[PageView tapped:]",
        "a lone \ud800",
        "",
    ],
)
def test_what_only_looks_alike_stays(text):
    assert EVERYTHING.text(text) == text


def test_patterns_that_are_not_asked_for_do_nothing():
    assert read_rules({"patterns": ["email"]}).text("ada@example.com 192.0.2.7") == "[email] 192.0.2.7"
    assert read_rules(None).text("ada@example.com") == "ada@example.com"


def test_an_own_regex_comes_before_the_built_in_ones_and_is_named():
    rules = read_rules({"patterns": ["email"], "regexes": [{"name": "staff", "regex": r"[a-z]+@corp\.example\.com"}]})

    assert rules.text("bob@corp.example.com, ada@example.com") == "[staff], [email]"


def test_a_regex_that_would_never_end_elsewhere_ends_here():
    rules = read_rules({"regexes": [{"name": "slow", "regex": "(a|a)*(a|aa)+$b"}]})
    begun = time.monotonic()

    assert rules.text("a" * 100_000) == "a" * 100_000
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "redaction is an object"),
        ({"pattern": []}, "redaction is an object"),
        ({"patterns": ["name"]}, "redaction.patterns"),
        ({"patterns": "email"}, "redaction.patterns"),
        ({"regexes": [{"name": "x"}]}, "redaction.regexes"),
        ({"regexes": [{"name": "a b", "regex": "x"}]}, "a name has"),
        ({"regexes": [{"name": "x", "regex": "("}]}, "RE2"),
        ({"regexes": [{"name": "x", "regex": "(?<=a)b"}]}, "RE2"),
        ({"regexes": [{"name": "x", "regex": "(a{1000}){1000}"}]}, "RE2"),
        ({"regexes": [{"name": "x", "regex": "a*"}]}, "finds the empty text"),
        ({"regexes": [{"name": "x", "regex": "a" * (MAX_REGEX + 1)}]}, "characters"),
        ({"regexes": [{"name": "x", "regex": "\ud800"}]}, "characters"),
        ({"regexes": [{"name": "x", "regex": "a"}] * 21}, "at most 20"),
        ({"fields": ["threads[*].registers"]}, "no text of a report"),
        ({"fields": ["a..b"]}, "a path looks like"),
        ({"fields": [1]}, "list of texts"),
        ({"raw_log": "yes"}, "true or false"),
    ],
)
def test_rules_that_cannot_be_kept_to_are_refused_with_a_reason(given, said):
    with pytest.raises(BadParameters) as refused:
        read_rules(given)

    assert said in refused.value.message
