"""Long lists go out as gzip to clients that take it; short ones and everybody else's as they are."""

import gzip
from datetime import timedelta

import pytest

from tests.factories import NOON, make_crash

LONG, SHORT = 800, 20  # rows, of some 100 bytes each


@pytest.fixture
def get(services, client, member, run_workers):
    """Get the finished list of a crash with so many occurrences."""
    crashes = {
        rows: make_crash(services, member.app, occurrences=rows, newest=NOON + timedelta(seconds=rows))
        for rows in (LONG, SHORT)
    }
    for crash in crashes.values():
        client.get(f"/api/crashes/{crash.identifier}/occurrences", headers=member.headers)
    run_workers()
    return lambda rows, **headers: client.get(
        f"/api/crashes/{crashes[rows].identifier}/occurrences",
        headers={**member.headers, **{name.replace("_", "-"): value for name, value in headers.items()}},
    )


def test_a_long_list_is_compressed_for_clients_that_take_gzip_and_unpacks_to_the_same(get):
    plain, packed = get(LONG), get(LONG, Accept_Encoding="gzip, br")

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 4
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepts", ["", "identity", "br", "gzip;q=0"])
def test_a_client_that_does_not_take_gzip_gets_it_plain(get, accepts):
    assert "Content-Encoding" not in get(LONG, Accept_Encoding=accepts).headers


def test_a_short_list_is_never_packed(get):
    answer = get(SHORT, Accept_Encoding="gzip")

    assert "Content-Encoding" not in answer.headers
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_packed_and_plain_have_tags_of_their_own_and_either_is_answered_with_304(get):
    plain, packed = get(LONG), get(LONG, Accept_Encoding="gzip")

    assert plain.headers["ETag"] != packed.headers["ETag"]
    for tag in (plain.headers["ETag"], packed.headers["ETag"]):
        assert get(LONG, Accept_Encoding="gzip", If_None_Match=tag).status_code == 304
