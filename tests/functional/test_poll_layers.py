"""What makes polls cheap can be left out, layer by layer: the answers are the same."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.web.api import polling
from tests.factories import NOON, add_newer, join, make_crash, make_member, run_enqueued


@pytest.fixture(params=["ask", "ask_at_once", "all"])
def client(request, services) -> FlaskClient:
    """Polls come in at this layer; those around it are left out."""
    flask = create_app(services)
    if request.param != "all":
        layer = getattr(polling, request.param)
        flask.extensions[polling.ASK] = lambda poll, **_how: layer(poll)
    return flask.test_client()


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app, occurrences=3)


@pytest.fixture
def poll(client, member, crash):
    path = f"/api/crashes/{crash.identifier}/occurrences"
    return lambda who=member, headers=(), **query: client.get(
        path, query_string=query, headers={**who.headers, **dict(headers)}
    )


def test_a_request_starts_a_job_and_its_repetition_returns_the_result(services, poll):
    first = poll()
    live = poll()
    run_enqueued(services)
    finished = poll()
    by_id = poll(job_id=first.json["job_id"])
    unchanged = poll(headers={"If-None-Match": finished.headers["ETag"]})

    assert [answer.json["loading"] for answer in (first, live, finished, by_id)] == [[True], [True], [False], [False]]
    assert {answer.json["job_id"] for answer in (first, live, finished, by_id)} == {first.json["job_id"]}
    assert finished.data == by_id.data
    assert (unchanged.status_code, unchanged.data) == (304, b"")


def test_a_held_request_gets_the_envelope_as_it_stands(services, poll):
    held = poll(headers={"Prefer": "wait=0"})
    run_enqueued(services)
    finished = poll(headers={"Prefer": "wait=5"})

    assert (held.json["loading"], held.headers["Preference-Applied"]) == ([True], "wait=0")
    assert (finished.json["loading"], finished.json["job_id"]) == ([False], held.json["job_id"])


def test_another_member_joins_the_job_and_a_stranger_does_not_learn_of_it(services, poll, member):
    colleague = join(services, "bob@example.com", member.app)
    stranger = make_member(services, "eve@example.com", "Maps")

    first, unasked, joined = poll(), poll(colleague, job_id="0" * 24), poll(colleague)
    named = poll(colleague, job_id=first.json["job_id"])

    assert first.json["job_id"] == joined.json["job_id"] == named.json["job_id"]
    assert (unasked.status_code, unasked.json["error_message"]) == (404, "Job not found")
    assert (poll(stranger).status_code, poll(stranger).json["error_message"]) == (
        404,
        "You have no access to this app crash",
    )


def test_a_result_that_is_out_of_date_is_followed_by_a_new_job(services, poll, crash, clock):
    first = poll()
    run_enqueued(services)
    add_newer(services, crash, NOON + timedelta(hours=1))
    clock.advance(seconds=29)
    still = poll()
    clock.advance(seconds=2)
    anew = poll()

    assert (still.json["job_id"], still.json["loading"]) == (first.json["job_id"], [False])
    assert (anew.json["job_id"] != first.json["job_id"], anew.json["loading"]) == (True, [True])


def test_each_refusal_is_the_same(client, services, poll, member, clock):
    unknown = client.get(f"/api/crashes/{'0' * 24}/occurrences?page=one", headers=member.headers)
    senseless, unauthorized = poll(page="one"), poll(headers={"Authorization": "Token nobodys"})
    job_id = poll().json["job_id"]
    client.delete(f"/api/jobs/{job_id}", headers=member.headers)
    cancelled = poll(job_id=job_id)
    other_id = poll().json["job_id"]
    run_enqueued(services)
    clock.advance(seconds=services.config.result_lifetime)
    expired = poll(job_id=other_id)

    answers = [unknown, senseless, unauthorized, cancelled, expired]
    assert [answer.status_code for answer in answers] == [404, 400, 401, 410, 410]
    assert unknown.json["error_message"] == "App Crash with identifier occurrences."
    assert senseless.json["error_message"] == "page is not a whole number"
    assert cancelled.json["error_message"] == "The job was cancelled"
    assert expired.json["error_message"] == "The job's result has expired"
