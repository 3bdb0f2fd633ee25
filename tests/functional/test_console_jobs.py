"""Jobs as pages: listed, followed, cancelled, asked anew."""

import hashlib

import pytest
from sqlalchemy import delete, update

from app.db.models.crash import Crash
from app.db.models.job import Job, JobState
from app.db.models.membership import Membership
from app.jobs import JOB_TYPES, batch_params
from app.web.console.pages import jobs
from app.web.console.pages.jobs import NAMES
from tests.batches import made
from tests.console import HOSTILE, OWN, Page, press, sign_in
from tests.factories import make_crash, make_member


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app, 3)


@pytest.fixture
def job_id(client, member, crash) -> str:
    sign_in(client, member)
    return client.get(f"/api/crashes/{crash.identifier}/occurrences").json["job_id"]


def end(services, job_id: str, state: JobState, code: str | None = None) -> None:
    with services.db.write() as session:
        ended = {"state": state, "error_code": code, "error_message": code and "It took 900 s", "error_status": 500}
        session.execute(update(Job).where(Job.id == job_id).values(**ended, finished_at=services.now()))


def test_a_live_job_is_told_with_its_crash_and_can_be_cancelled(client, crash, job_id):
    page = Page(client.get("/jobs?show=all").text)
    answer = press(client, f"/jobs/{job_id}/cancel")

    assert "List of occurrences" in page.text
    assert crash.title in page.text
    assert [row["data-job"] for row in page.all("tr") if "data-job" in row] == [job_id]
    assert answer.status_code == 303
    after = client.get("/jobs?show=all")
    assert "The job is cancelled." in after.text
    assert client.get(f"/api/jobs/{job_id}").json["result"]["state"] == "cancelled"


def test_a_failed_job_says_why_and_what_to_do_and_is_asked_anew(client, services, job_id, clock, run_workers):
    end(services, job_id, JobState.FAILED, "took_too_long")
    listed, one = client.get("/jobs?show=all&state=failed").text, client.get(f"/jobs/{job_id}").text

    clock.advance(seconds=1)
    answer = press(client, f"/jobs/{job_id}/retry")
    run_workers()

    for text in (listed, one):
        assert "It took longer than a job may, and was stopped." in text
        assert "Ask for less" in text
    assert "It took 900 s" in one
    assert answer.status_code == 303
    assert job_id not in answer.location
    assert "finished" in client.get(answer.location).text


def test_every_file_of_a_finished_batch_is_fetched_from_its_page(
    client, services, member, crash, run_workers, monkeypatch
):
    sign_in(client, member)
    monkeypatch.setattr(batch_params, "ROWS_PER_PART", 1)
    manifest = made(client, member, run_workers, f"crashes/{crash.identifier}", format="ndjson")
    path = f"/jobs/{client.get('/api/jobs').json['result'][0]['job_id']}"

    links = [one for one in Page(client.get(path).text).all("a") if "download" in one]
    fetched = {one["download"]: client.get(one["href"]).data for one in links}

    assert list(fetched) == [manifest["filename"], *(part["filename"] for part in manifest["parts"])]
    assert len(manifest["parts"]) == 3
    assert [hashlib.sha256(fetched[file["filename"]]).hexdigest() for file in (manifest, *manifest["parts"])] == [
        file["sha256"] for file in (manifest, *manifest["parts"])
    ]
    monkeypatch.setattr(jobs, "MOST_FILES", 2)
    shortened = Page(client.get(path).text)
    assert len([one for one in shortened.all("a") if "download" in one]) == 3
    assert "1 file more, which the manifest tells" in shortened.text


def test_a_job_that_is_not_finished_has_no_files(client, services, job_id, run_workers):
    live = client.get(f"/jobs/{job_id}").text
    run_workers()
    press(client, f"/jobs/{job_id}/cancel")

    for text in (live, client.get(f"/jobs/{job_id}").text):
        assert "/api/downloads/" not in text


def test_a_finished_jobs_files_are_deleted(client, services, job_id, run_workers):
    run_workers()

    press(client, f"/jobs/{job_id}/cancel")

    assert "Its files are deleted." in client.get("/jobs?show=all").text
    assert client.get(f"/api/jobs/{job_id}").json["result"]["state"] == "expired"


def test_what_cannot_be_asked_anew_says_so(client, job_id):
    answer = press(client, f"/jobs/{job_id}/retry")

    assert answer.status_code == 303
    assert "The job is not over yet." in client.get(answer.location).text


@pytest.mark.parametrize(
    ("query", "is_there"),
    [("", True), ("&state=live", True), ("&state=failed", False), ("&state=x", True), ("&after=x", True)],
)
def test_a_list_is_of_one_state(client, job_id, query, is_there):
    assert (job_id in client.get(f"/jobs?show=all{query}").text) is is_there


def test_by_itself_the_list_has_only_what_somebody_asked_a_file_of(client, member, crash, job_id):
    batch = client.post(f"/api/crashes/{crash.identifier}/exports", json={"format": "ndjson"}, headers=member.headers)

    page = client.get("/jobs").text

    assert batch.json["job_id"] in page
    assert job_id not in page


def test_a_list_is_of_one_app(client, services, member, job_id):
    stranger = make_member(services, "mallory@example.com")

    assert job_id in client.get(f"/jobs?show=all&app_identifier={member.app.identifier}").text
    assert client.get(f"/jobs?app_identifier={stranger.app.identifier}").status_code == 404


def test_a_long_list_has_a_link_to_what_follows_that_keeps_the_filter(client, member, crash):
    sign_in(client, member)
    for page in range(1, 53):
        client.get(f"/api/crashes/{crash.identifier}/occurrences?page={page}")

    first = Page(client.get("/jobs?show=all&state=live").text)
    [following] = [link["href"] for link in first.all("a") if link.get("rel") == "next"]
    rest = Page(client.get(f"/jobs{following}").text)

    assert "state=live" in following
    assert [len([row for row in page.all("tr") if "data-job" in row]) for page in (first, rest)] == [50, 2]


def test_a_list_without_jobs_says_what_to_do(client, member):
    sign_in(client, member)

    assert "Open a crash" in client.get("/jobs?show=all").text
    assert "None of your jobs is like that." in client.get("/jobs?show=all&state=failed").text


def test_every_kind_of_job_has_a_name_for_people():
    assert set(NAMES) == set(JOB_TYPES)


def test_anothers_job_and_one_of_an_app_that_was_left_are_not_there(client, services, member, job_id):
    strangers = sign_in(client.application.test_client(), make_member(services, "mallory@example.com"))

    assert strangers.get(f"/jobs/{job_id}").status_code == 404
    for what in ("cancel", "retry"):
        assert press(strangers, f"/jobs/{job_id}/{what}").status_code == 404
    assert job_id not in strangers.get("/jobs").text
    with services.db.write() as session:
        session.execute(delete(Membership).where(Membership.user_id == member.user_id))
    assert client.get(f"/jobs/{job_id}").status_code == 404
    assert job_id not in client.get("/jobs?show=all").text


def test_without_the_proof_nothing_is_cancelled(client, job_id):
    answer = client.post(f"/jobs/{job_id}/cancel", headers=OWN)

    assert answer.status_code == 401
    assert client.get(f"/api/jobs/{job_id}").json["result"]["state"] == "queued"


def test_what_a_crash_is_called_is_text(client, services, job_id, crash):
    with services.db.write() as session:
        session.execute(update(Crash).where(Crash.id == crash.id).values(title=HOSTILE))

    for path in ("/jobs?show=all", f"/jobs/{job_id}"):
        page = Page(client.get(path).text)
        assert HOSTILE in page.text
        assert page.all("img") == []
