"""Rules of an app's members that set some reports of a group apart, and patterns with `*`."""

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.log import AppInfo, CrashLog, OsInfo
from app.crashes.splitting import CONDITIONS, MAX_SPLITS, matches, read_splits, split_apart
from app.errors import BadParameters
from tests.stacks import crash, java


def report(message: str = "read timed out after 30 s", version: str = "2.4.1") -> CrashLog:
    made = crash(java("com.shop.Http#request"), java("com.shop.Cart#pay"), type="IOException", message=message,
                 platform="java")  # fmt: skip
    return CrashLog(made.format, made.platform, faults=made.faults, threads=made.threads,
                    app=AppInfo(version=version), os=OsInfo("Android", "14"))  # fmt: skip


def parts(log: CrashLog, *splits: dict) -> tuple[str, ...]:
    whole = fingerprint(log)
    return split_apart(whole, log, read_splits(list(splits))).parts[len(whole.parts) :]


def test_reports_for_which_all_conditions_hold_are_set_apart_and_told_so():
    splits = read_splits([{"name": "timeouts", "function": "*.Http.request", "message": "*timed out*"}])
    slow, refused = report(), report("connection refused")

    made = split_apart(fingerprint(slow), slow, splits)

    assert made.parts == (*fingerprint(slow).parts, "split: timeouts")
    assert (made.rule, made.version) == ("in-app frames, split", fingerprint(slow).version)
    assert made.value != fingerprint(slow).value
    assert split_apart(fingerprint(refused), refused, splits) == fingerprint(refused)


@pytest.mark.parametrize(
    ("what", "pattern"),
    [("type", "IO*"), ("message", "read*s"), ("function", "com.shop.Cart.pay"), ("app_version", "2.*"),
     ("os_name", "Android"), ("os_version", "14")],
)  # fmt: skip
def test_every_condition_is_compared_with_what_the_report_tells(what, pattern):
    assert parts(report(), {"name": "a", what: pattern}) == ("split: a",)
    assert parts(report(), {"name": "a", what: f"{pattern}x"}) == ()
    assert parts(CrashLog("test"), {"name": "a", what: pattern}) == ()


def test_a_split_by_a_message_makes_a_group_of_each_without_what_varies_in_it():
    by = {"name": "http", "function": "*.Http.request", "by": "message"}

    assert parts(report(), by) == parts(report("read timed out after 60 s"), by)
    assert parts(report(), by) != parts(report("connection refused"), by)
    assert parts(report(version="3"), {**by, "by": "app_version"}) == ("split: http", "app_version: 3")


def test_the_first_split_decides():
    assert parts(report(), {"name": "a", "type": "No*"}, {"name": "b", "type": "*"}, {"name": "c", "type": "*"}) == (
        "split: b",
    )


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        ("abc", "abc", True), ("abc", "abcd", False), ("*", "", True), ("a*", "abc", True), ("*c", "abc", True),
        ("a*c", "ac", True), ("a*b*c", "a--b--c", True), ("a*b*c", "acb", False), ("ab*ba", "aba", False),
        ("*b*b*", "abcb", True), ("*b*b*", "abc", False), ("a.c", "abc", False), ("[ab]", "a", False), ("*\n*", "a\nb", True),
    ],
)  # fmt: skip
def test_a_star_stands_for_any_text_and_nothing_else_is_special(pattern, text, is_match):
    assert matches(pattern, text) == is_match


def test_many_stars_in_a_long_text_cost_no_time():
    assert not matches("*a" * 90 + "*b", "a" * 65_536)


@pytest.mark.parametrize(
    "given",
    [
        {}, "x", [1], [{"name": "a"}], [{"type": "x"}], [{"name": "a b", "type": "x"}], [{"name": "a", "type": ""}],
        [{"name": "a", "type": 1}], [{"name": "a", "type": "x" * 201}], [{"name": "a", "type": "x\0"}],
        [{"name": "a", "type": "x", "by": "user"}], [{"name": "a", "type": "x", "frame": "y"}],
        [{"name": "a", "type": "x"}] * 2, [{"name": f"a{number}", "type": "x"} for number in range(MAX_SPLITS + 1)],
    ],
)  # fmt: skip
def test_splits_that_make_no_sense_are_refused(given):
    with pytest.raises(BadParameters, match=r"splits"):
        read_splits(given)


def test_nothing_given_is_no_split_and_each_condition_suffices():
    assert read_splits(None) == read_splits([]) == ()
    assert len(read_splits([{"name": what, what: "x"} for what in CONDITIONS])) == len(CONDITIONS)
