"""Statistics of crashes by facts of their occurrences, from figures or from occurrences (both databases)."""

import pytest
from sqlalchemy import select, update

from app.db.models.crash import Crash
from app.db.queries import statistics
from app.ingest.receive import receive
from tests.places import PLACES, crashes_of_places, event

ALL = {"Cart": ([5, 4, 3, 1], 1, {"1.0": 1, "1.1": 3}), "Login": ([6, 6, 2], 3, {"1.0": 2, "1.1": 1}),
       "Search": ([0], 0, {"1.0": 1})}  # fmt: skip
"""By place: the days before the latest one on which it occurred, users, versions."""
EXPECTED = [
    ("", ALL),
    ("app_version=1.1", {"Cart": ([4, 3, 1], 1, {"1.1": 3}), "Login": ([2], 1, {"1.1": 1})}),
    ("environment=production", {"Cart": ([3], 1, {"1.1": 1}), "Login": ([2], 1, {"1.1": 1}), "Search": ([0], 0, {"1.0": 1})}),
    ("search=os:ios17", {"Cart": ([4, 3, 1], 1, {"1.1": 3})}),
    ("tag=screen:cart", {"Cart": ([5], 1, {"1.0": 1}), "Login": ([2], 1, {"1.1": 1})}),
    ("handled=true", {"Login": ([2], 1, {"1.1": 1})}),
    ("environment=production&app_version=1.1", {"Cart": ([3], 1, {"1.1": 1}), "Login": ([2], 1, {"1.1": 1})}),
    ("os_name=iOS&tag=screen:pay", {"Cart": ([1], 1, {"1.1": 1})}),
    ("search=version:9", {}),
]  # fmt: skip
BY_FIGURES = {"": True, "app_version=1.1": True, "search=version:9": True}
"""Filters by which figures tell the users."""


@pytest.fixture
def crashes(services, member, run_workers):
    return crashes_of_places(services, member, run_workers)


@pytest.fixture(params=["figures", "missing figures"])
def ask(request, services, client, member, crashes, run_workers):
    """Call it with filters: by place the days, users and versions that are told."""
    if request.param == "missing figures":
        with services.db.write() as session:
            session.execute(update(Crash).values(figures_revision=-1))
    named = {crash.identifier: place for place, crash in crashes.items()}
    url = f"/api/apps/{member.app.identifier}/crashes/statistics?crashes={','.join(named)}"

    def call(filters: str):
        client.get(f"{url}&{filters}", headers=member.headers)
        run_workers()
        told = client.get(f"{url}&{filters}", headers=member.headers).json["result"]
        found = {}
        for one in told["crashes"]:
            days = [29 - at for at, number in enumerate(one["occurrences_per_day"]) for _ in range(number)]
            versions = one["app_versions"] and {
                row["app_version"]: row["occurrences"] for row in one["app_versions"]["top"]
            }
            assert one["occurrences"] == len(days)
            if days:
                found[named[one["crash_identifier"]]] = (days, one["users"], versions)
        return found

    return call


@pytest.mark.parametrize(("filters", "expected"), EXPECTED)
def test_days_users_and_versions_are_of_the_occurrences_that_fit(ask, filters, expected):
    assert ask(filters) == expected


@pytest.mark.parametrize(("filters", "expected"), EXPECTED[:6])
def test_of_many_occurrences_one_fact_is_told_by_figures_and_what_they_lack_is_null(
    ask, request, monkeypatch, filters, expected
):
    monkeypatch.setattr(statistics, "MOST_READ", 0)
    is_told = BY_FIGURES.get(filters, "missing" in request.node.name)

    assert ask(filters) == {
        place: (days, users if is_told else None, versions if is_told else None)
        for place, (days, users, versions) in expected.items()
    }


def test_several_facts_of_too_many_occurrences_are_refused(client, member, crashes, monkeypatch):
    monkeypatch.setattr(statistics, "MOST_READ", 1)
    named = ",".join(crashes[place].identifier for place in PLACES)
    url = f"/api/apps/{member.app.identifier}/crashes/statistics?crashes={named}&os_name=iOS&kind=native"

    answer = client.get(url, headers=member.headers)

    assert answer.status_code == 400
    assert "choose a shorter time, or one filter" in answer.text


def test_the_bound_is_of_the_occurrences_of_the_time_however_they_are_spread(
    services, client, member, run_workers, monkeypatch
):
    for number, day in enumerate([400, *[0] * 6]):
        receive(services, member.app, f"log-{number}", event("Cart", day, "ada", release="x@1.0", environment="beta"))
    run_workers()
    monkeypatch.setattr(statistics, "MOST_READ", 5)
    with services.db.read() as session:
        crash = session.scalars(select(Crash)).one()
    url = f"/api/apps/{member.app.identifier}/crashes/statistics?crashes={crash.identifier}&since_date=2018-09-13"

    client.get(f"{url}&environment=beta", headers=member.headers)
    run_workers()
    [told] = client.get(f"{url}&environment=beta", headers=member.headers).json["result"]["crashes"]

    assert (told["occurrences"], told["users"], told["app_versions"]) == (6, None, None)
    assert client.get(f"{url}&environment=beta&handled=false", headers=member.headers).status_code == 400


@pytest.mark.parametrize("filters", ["user_id=ada", "search=user:ada"])
def test_no_user_is_a_filter_for_the_request_is_kept_with_its_job(client, member, crashes, filters):
    url = f"/api/apps/{member.app.identifier}/crashes/statistics?crashes={crashes['Cart'].identifier}&{filters}"

    answer = client.get(url, headers=member.headers)

    assert (answer.status_code, filters.partition("=")[0] in answer.text) == (400, True)
