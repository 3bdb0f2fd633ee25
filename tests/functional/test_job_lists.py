"""Jobs of a user: by state and app, page by page; why one failed; asked anew."""

import pytest
from sqlalchemy import update

from app.db.models.job import Job, JobState
from tests.factories import make_crash, make_member


@pytest.fixture
def url(services, member) -> str:
    return f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"


def asked(client, member, url, clock, number: int) -> list[str]:
    """Ids of that many jobs, the newest first, each asked a second later."""
    ids = []
    for page in range(1, number + 1):
        clock.advance(seconds=1)
        ids.append(client.get(f"{url}?page={page}", headers=member.headers).json["job_id"])
    return ids[::-1]


def end(services, job_id: str, state: JobState, code: str | None = None) -> None:
    with services.db.write() as session:
        ended = update(Job).where(Job.id == job_id)
        session.execute(
            ended.values(state=state, error_code=code, error_status=500 if code else None, finished_at=services.now())
        )


def listed(client, member, query: str = "") -> list[str]:
    answer = client.get(f"/api/jobs{query}", headers=member.headers)
    assert answer.status_code == 200, answer.data
    return [job["job_id"] for job in answer.json["result"]]


def test_a_list_goes_on_where_it_ended_whatever_comes_before_it(client, member, url, clock):
    ids = asked(client, member, url, clock, 5)

    first = client.get("/api/jobs?per_page=2", headers=member.headers)
    clock.advance(seconds=1)
    client.get(url, headers=member.headers)
    seen, link = [job["job_id"] for job in first.json["result"]], first.headers.get("Link")
    while link:
        page = client.get(link.partition(">")[0][1:], headers=member.headers)
        seen, link = seen + [job["job_id"] for job in page.json["result"]], page.headers.get("Link")

    assert seen == ids


def test_jobs_of_one_instant_are_all_told_once(client, member, url):
    ids = {client.get(f"{url}?page={page}", headers=member.headers).json["job_id"] for page in range(1, 6)}

    first = client.get("/api/jobs?per_page=3", headers=member.headers)
    rest = client.get(first.headers["Link"].partition(">")[0][1:], headers=member.headers)

    together = [job["job_id"] for job in first.json["result"] + rest.json["result"]]
    assert (len(together), set(together)) == (5, ids)


def test_a_list_holds_the_state_that_was_asked_for(client, services, member, url, clock):
    queued, failed, cancelled, finished = asked(client, member, url, clock, 4)
    end(services, failed, JobState.FAILED, "took_too_long")
    end(services, cancelled, JobState.CANCELLED)
    end(services, finished, JobState.FINISHED)

    by_state = {
        state: listed(client, member, f"?state={state}")
        for state in ("live", "queued", "running", "failed", "cancelled")
    }

    assert by_state == {
        "live": [queued], "queued": [queued], "running": [], "failed": [failed], "cancelled": [cancelled],
    }  # fmt: skip


def test_a_list_holds_the_app_that_was_asked_for_and_none_that_is_not_theirs(client, services, member, url, clock):
    [job_id] = asked(client, member, url, clock, 1)
    stranger = make_member(services, "mallory@example.com")

    own = listed(client, member, f"?app_identifier={member.app.identifier}")
    strangers = client.get(f"/api/jobs?app_identifier={stranger.app.identifier}", headers=member.headers)

    assert own == [job_id]
    assert strangers.status_code == 404


@pytest.mark.parametrize("query", ["state=done", "after=x", "after=1", "after=1.%00", "page=x"])
def test_what_makes_no_sense_is_refused(client, member, query):
    answer = client.get(f"/api/jobs?{query}", headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")


def test_a_failed_job_tells_in_plain_words_why_and_what_to_do(client, services, member, url, clock):
    [job_id] = asked(client, member, url, clock, 1)
    end(services, job_id, JobState.FAILED, "took_too_long")

    error = client.get(f"/api/jobs/{job_id}", headers=member.headers).json["result"]["error"]

    assert error["explanation"] == "It took longer than a job may, and was stopped."
    assert error["advice"].startswith("Ask for less")


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED])
def test_what_ended_badly_is_asked_anew(client, services, member, url, clock, run_workers, state):
    [job_id] = asked(client, member, url, clock, 1)
    end(services, job_id, state, "attempts_used_up" if state == JobState.FAILED else None)

    clock.advance(seconds=1)
    answer = client.post(f"/api/jobs/{job_id}/retry", headers=member.headers)
    run_workers()

    new = answer.json["result"]
    assert (answer.status_code, new["state"]) == (202, "queued")
    assert new["job_id"] != job_id
    assert new["question"]["page"] == 1
    assert client.get(f"{url}?page=1", headers=member.headers).json["job_id"] == new["job_id"]
    assert client.get(f"/api/jobs/{new['job_id']}", headers=member.headers).json["result"]["state"] == "finished"


def test_a_batch_of_an_app_is_asked_anew_too(client, services, member, url, run_workers):
    path = f"/api/apps/{member.app.identifier}/exports"
    job_id = client.post(path, json={"format": "csv"}, headers=member.headers).json["job_id"]
    client.delete(f"/api/jobs/{job_id}", headers=member.headers)

    answer = client.post(f"/api/jobs/{job_id}/retry", headers=member.headers)

    assert (answer.status_code, answer.json["result"]["question"]["format"]) == (202, "csv")


def test_two_who_ask_anew_at_once_get_the_same_job(client, services, member, url, clock):
    [job_id] = asked(client, member, url, clock, 1)
    end(services, job_id, JobState.FAILED, "attempts_used_up")

    first, second = (client.post(f"/api/jobs/{job_id}/retry", headers=member.headers).json["result"] for _ in range(2))

    assert first["job_id"] == second["job_id"]


def test_a_live_job_and_a_finished_one_are_not_asked_anew(client, member, url, clock, run_workers):
    [job_id] = asked(client, member, url, clock, 1)

    live = client.post(f"/api/jobs/{job_id}/retry", headers=member.headers)
    run_workers()
    finished = client.post(f"/api/jobs/{job_id}/retry", headers=member.headers)

    assert (live.status_code, finished.status_code) == (409, 409)
    assert live.json["status"] == "conflict"


def test_a_strangers_job_is_not_asked_anew(client, services, member, url, clock):
    [job_id] = asked(client, member, url, clock, 1)
    end(services, job_id, JobState.FAILED, "attempts_used_up")
    stranger = make_member(services, "mallory@example.com")

    answer = client.post(f"/api/jobs/{job_id}/retry", headers=stranger.headers)

    assert (answer.status_code, answer.json["error_message"]) == (404, "Job not found")
    assert client.post("/api/jobs/x/retry", headers=member.headers).status_code == 404
    assert client.post(f"/api/jobs/{job_id}/retry").status_code == 401
