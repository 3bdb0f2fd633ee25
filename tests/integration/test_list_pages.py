"""Pages of a list that lies whole in the store are cut out of it; all others come from the database (both databases)."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from app.db.models.occurrence import Occurrence
from app.db.queries import long_list as batches
from app.jobs.service import ask
from app.jobs.types import occurrences
from app.operations.doctor import examine
from app.storage_keys import index_key
from tests.factories import add_newer, make_crash, run_enqueued
from tests.job_types import row

ROWS = 23


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch, stored_results):
    monkeypatch.setattr(batches, "FIRST_ROWS", 2)
    monkeypatch.setattr(batches, "ROWS_PER_BATCH", 5)


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app, occurrences=ROWS, every=timedelta(minutes=1))


@pytest.fixture
def listed(services, member, crash):
    """Ask for a list or a page of it, do the work, and return the rows."""

    def ask_and_read(**query: str) -> list[dict[str, str]]:
        job = ask(services, member.user_id, "occurrences", crash.identifier, query)
        run_enqueued(services)
        ended = row(services, job)
        return json.loads(services.storage.get(str(ended.result_key)))

    return ask_and_read


@pytest.fixture
def no_database(monkeypatch):
    """From now on no list is read from the database."""

    def refuse(*_args, **_options):
        raise AssertionError("a page was read from the database")

    return lambda: monkeypatch.setattr(occurrences, "long_list", refuse)


@pytest.mark.parametrize("per_page", [1, 2, 3, 5, 7, 22, 23, 100])
def test_every_page_is_cut_out_of_the_whole_list(listed, no_database, per_page):
    whole = listed()
    no_database()

    pages = [
        listed(page=str(page), per_page=str(per_page)) for page in range(1, -(-ROWS // per_page) + 2)
    ]  # and one behind the last

    assert [one for page in pages for one in page] == whole
    assert pages[-1] == []


def test_a_page_of_a_window_is_cut_out_of_that_window(listed, no_database):
    until = {"until_date": "2018-09-13T11:50:00Z"}
    window = listed(**until)
    no_database()

    assert 0 < len(window) < ROWS
    assert listed(**until, page="2", per_page="4") == window[4:8]


def test_without_a_whole_list_a_page_comes_from_the_database(listed):
    assert len(listed(page="2", per_page="10")) == 10


def test_a_list_that_shows_the_crash_as_it_was_serves_no_page(services, listed, crash):
    whole = listed()
    add_newer(services, crash)

    [newest] = listed(page="1", per_page="1")

    assert newest != whole[0]


def test_a_list_whose_index_is_gone_serves_no_page(services, member, listed, crash):
    whole = listed()
    job = ask(services, member.user_id, "occurrences", crash.identifier, {})
    services.storage.delete(index_key(str(row(services, job).result_key)))

    assert listed(page="2", per_page="3") == whole[3:6]


def test_the_doctor_knows_the_index(services, clock, listed):
    listed()
    with services.db.write() as session:  # the logs of this test were never stored
        session.execute(Occurrence.__table__.delete())
    later = replace(services, now=lambda: clock() + timedelta(days=20_000))

    assert not [finding.what for finding in examine(later) if "chunks" in finding.what]
