"""Names of logs."""

import re
from datetime import UTC, datetime

import pytest

from app.ingest.log_id import is_log_id, log_id_of_file, new_log_id, time_in
from app.storage_keys import checked

NOW = datetime(2018, 9, 13, 9, 42, 53, tzinfo=UTC)


@pytest.mark.parametrize("name", ["2544355787-1536831773-logs-00003", "a", "0", "A.b_c-d", "x" * 128, "a..b"])
def test_a_client_may_name_a_log_with_letters_digits_and_three_signs(name):
    assert is_log_id(name)
    assert checked(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 129,
        "x" * 300,
        "../a",
        "a/b",
        ".hidden",
        "-a",
        "_a",
        "a b",
        "a\0",
        "a\n",
        "\n",
        "ä",
        "٣",
        "a%00",
        "\ud800",
    ],
)
def test_any_other_name_is_refused(name):
    assert not is_log_id(name)


def test_the_server_makes_names_in_the_vendors_shape_that_carry_the_time():
    made = {new_log_id(NOW) for _ in range(100)}

    assert all(re.fullmatch(r"\d{10}-1536831773-logs-\d{5}", name) for name in made)
    assert {time_in(name) for name in made} == {NOW}
    assert len(made) == 100


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("2544355787-1536831773-logs-00003", NOW),
        ("0-0-logs-00000", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1-253402300799-logs-00001", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("1-253402300800-logs-00001", None),  # the year 10000
        ("1-999999999999-logs-00001", None),
        ("1-1536831773-logs-3", None),
        ("1-1536831773-logs-00003-crash-1", None),
        ("crash-of-tuesday", None),
        ("1-١٢٣-logs-00003", None),
    ],
)
def test_the_time_is_read_from_the_vendors_shape_only(name, time):
    assert time_in(name) == time


def test_the_same_file_gets_the_same_name_and_another_gets_another():
    first = log_id_of_file("Crash of Tuesday.ips", b"one")

    assert first == log_id_of_file("Crash of Tuesday.ips", b"one")
    assert first != log_id_of_file("Crash of Tuesday.ips", b"two")
    assert first.startswith("Crash-of-Tuesday-ips-")


@pytest.mark.parametrize("name", ["", "…", "../../etc/passwd", "ü" * 300, "x" * 300, "-", "a\0b"])
def test_a_file_of_any_name_gets_a_good_one(name):
    assert is_log_id(log_id_of_file(name, b"content"))
