"""Jobs: listed, shown, cancelled and freed by those who asked for them."""

import pytest

from tests.factories import join, make_crash, make_member


@pytest.fixture
def url(services, member) -> str:
    return f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"


@pytest.fixture
def job_id(client, member, url) -> str:
    return client.get(url, headers=member.headers).json["job_id"]


def shown(client, member, job_id) -> dict:
    return client.get(f"/api/jobs/{job_id}", headers=member.headers).json["result"]


def test_a_queued_job_tells_what_was_asked_and_how_far_it_is(client, member, url, job_id):
    assert shown(client, member, job_id) == {
        "job_id": job_id,
        "kind": "occurrences",
        "question": {
            "crash_identifier": url.split("/")[3],
            "since": None,
            "until": None,
            "page": None,
            "per_page": None,
        },
        "state": "queued",
        "progress": {"done": 0, "total": 3, "unit": "rows"},
        "attempts": 0,
        "created_at": "2018-09-13T12:00:00Z",
        "started_at": None,
        "finished_at": None,
        "expires_at": None,
        "size": None,
        "error": None,
    }


def test_a_finished_job_tells_its_times_and_its_size(client, member, url, job_id, run_workers):
    run_workers()

    job = shown(client, member, job_id)

    result = client.get(url, headers=member.headers).data.partition(b'"result":')[2][:-1]
    assert (job["state"], job["attempts"], job["progress"]["done"], job["size"]) == ("finished", 1, 3, len(result))
    assert (job["started_at"], job["finished_at"]) == ("2018-09-13T12:00:00Z",) * 2
    assert job["expires_at"] == "2018-09-14T12:00:00Z"


def test_a_users_jobs_are_listed_newest_first_in_pages(client, services, member, url, clock):
    ids = []
    for page in range(1, 4):
        clock.advance(seconds=1)
        ids.append(client.get(f"{url}?page={page}", headers=member.headers).json["job_id"])

    first = client.get("/api/jobs?per_page=2", headers=member.headers)
    rest = client.get(first.headers["Link"].partition(">")[0][1:], headers=member.headers)

    assert [job["job_id"] for job in first.json["result"] + rest.json["result"]] == ids[::-1]
    assert "Link" not in rest.headers


def test_a_user_sees_only_the_jobs_they_asked_for(client, services, member, job_id):
    other = join(services, "bob@example.com", member.app)

    assert client.get("/api/jobs", headers=other.headers).json["result"] == []
    assert client.get(f"/api/jobs/{job_id}", headers=other.headers).status_code == 404


def test_a_queued_job_is_cancelled_and_its_question_answers_gone_by_its_id(client, member, url, job_id, run_workers):
    answer = client.delete(f"/api/jobs/{job_id}", headers=member.headers)
    run_workers()

    assert (answer.status_code, answer.json["result"]["state"]) == (200, "cancelled")
    poll = client.get(f"{url}?job_id={job_id}", headers=member.headers)
    assert (poll.status_code, poll.json["status"], poll.json["error_message"]) == (410, "gone", "The job was cancelled")


def test_a_finished_job_is_freed(client, services, member, url, job_id, run_workers):
    run_workers()

    answer = client.delete(f"/api/jobs/{job_id}", headers=member.headers)

    assert (answer.status_code, answer.json["result"]["state"]) == (200, "expired")
    assert list(services.storage.list("jobs")) == []
    assert client.get(f"{url}?job_id={job_id}", headers=member.headers).status_code == 410


def test_a_shared_job_goes_on_when_one_leaves(client, services, member, url, job_id, run_workers):
    other = join(services, "bob@example.com", member.app)
    client.get(url, headers=other.headers)

    left = client.delete(f"/api/jobs/{job_id}", headers=member.headers)
    run_workers()

    assert left.status_code == 200
    assert client.get(f"/api/jobs/{job_id}", headers=member.headers).status_code == 404
    assert client.get(f"{url}?job_id={job_id}", headers=other.headers).json["loading"] == [False]


@pytest.mark.parametrize("job_id", ["0" * 24, "x", "%00", "%FF", "..%2F..", "A" * 24, "0" * 300])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_job_is_not_found(client, member, method, job_id):
    answer = client.open(f"/api/jobs/{job_id}", method=method, headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (404, "not_found")


def test_the_job_of_a_stranger_is_not_found(client, services, member, job_id):
    stranger = make_member(services, "mallory@example.com")

    assert client.delete(f"/api/jobs/{job_id}", headers=stranger.headers).json["error_message"] == "Job not found"
    assert shown(client, member, job_id)["state"] == "queued"


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/jobs"), ("GET", "/api/jobs/x"), ("DELETE", "/api/jobs/x")])
def test_without_a_token_there_is_nothing_to_see(client, method, path):
    assert client.open(path, method=method).status_code == 401
