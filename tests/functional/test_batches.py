"""Batches over HTTP: many occurrences of a crash or an app as files."""

import codecs
import hashlib
from datetime import timedelta

import pytest

from app.jobs import batch_params
from tests.batches import csv_rows, describe, files, made, ndjson, post, reports, undescribe
from tests.factories import NOON, add_newer, kscrash, make_crash, make_member
from tests.uploads import LOG_ID, digested

FACTS = ("app_version", "app_build", "os_name", "os_version", "device_model", "user_id")


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(batch_params, "ROWS_PER_PART", 4)
    monkeypatch.setattr(batch_params, "REPORTS_PER_PART", 2)


def upload(client, member, run_workers, number: int, frame: str = "-[PageView tapped:]") -> dict:
    log_id = LOG_ID[:-5] + f"{number:05d}"
    return digested(client, member, run_workers, kscrash(frame=frame), log_id)


def test_a_crash_is_exported_in_parts_with_a_manifest_that_tells_them(
    services, client, member, run_workers, small_parts
):
    crash = make_crash(services, member.app, occurrences=10)
    describe(services, crash, app_version="1.2")
    path = f"crashes/{crash.identifier}"

    first = post(client, member, path, format="ndjson")
    result = made(client, member, run_workers, path, format="ndjson")

    assert list(first.json) == ["loading", "job_id", "success", "result"]
    assert (first.status_code, first.json["loading"], first.json["result"]) == (200, [True], None)
    assert first.headers["X-Progress"] == "0/10 occurrences"
    assert list(result)[:6] == ["url", "filename", "content_type", "size", "sha256", "expires_at"]
    assert (result["complete"], result["rows"], result["unreadable"]) == (True, 10, 0)
    assert (result["snapshot_at"], result["expires_at"]) == ("2018-09-13T12:00:00Z", "2018-09-14T12:00:00Z")
    assert [part["rows"] for part in result["parts"]] == [4, 4, 2]
    for part, content in zip(result["parts"], files(client, result), strict=True):
        assert (len(content), hashlib.sha256(content).hexdigest()) == (part["size"], part["sha256"])
    manifest = client.get(result["url"])
    assert hashlib.sha256(manifest.data).hexdigest() == result["sha256"]
    assert [part["sha256"] for part in manifest.json["parts"]] == [part["sha256"] for part in result["parts"]]
    rows = ndjson(client, result)
    assert [row["date"] for row in rows] == [f"2018-09-{day:02d}" for day in range(4, 14)]
    assert len({row["id"] for row in rows}) == 10
    assert rows[0]["app_version"] == "1.2"


def test_the_parts_of_a_large_batch_grow_for_there_are_about_so_many_at_most(
    services, client, member, run_workers, small_parts, monkeypatch
):
    monkeypatch.setattr(batch_params, "MOST_PARTS", 2)
    crash = make_crash(services, member.app, occurrences=11)
    path = f"crashes/{crash.identifier}"

    parts = made(client, member, run_workers, path, format="csv")["parts"]
    of_a_few = made(client, member, run_workers, path, format="csv", since_date="2018-09-09")["parts"]

    assert [part["rows"] for part in parts] == [6, 5]
    assert [part["rows"] for part in of_a_few] == [4, 1]


def test_an_occurrence_that_no_digest_described_is_told_from_its_log(client, member, run_workers):
    log = upload(client, member, run_workers, 1)
    crash = log["occurrences"][0]["crash_identifier"]

    [row] = ndjson(client, made(client, member, run_workers, f"crashes/{crash}"))

    assert row == {
        "id": log["occurrences"][0]["id"], "date": "2018-09-13", "log_id": log["log_id"],
        "occurred_at": "2018-09-13T09:42:53.000000Z", "crash_identifier": crash, "app_version": "1.2", "app_build": "45",
        "os_name": "iOS", "os_version": "11.4.1", "device_model": "iPhone9,4", "user_id": None,
    }  # fmt: skip


def test_a_zip_holds_the_report_of_every_occurrence(client, member, run_workers, small_parts):
    logs = [upload(client, member, run_workers, number) for number in range(3)]
    crash = logs[0]["occurrences"][0]["crash_identifier"]

    result = made(client, member, run_workers, f"crashes/{crash}", format="zip")

    assert [part["filename"] for part in result["parts"]] == [f"{crash}-00001.zip", f"{crash}-00002.zip"]
    found = reports(client, result)
    assert set(found) == {f"{crash}/{log['occurrences'][0]['id']}.json" for log in logs}
    assert {report["crash"]["identifier"] for report in found.values()} == {crash}


def test_a_whole_app_is_exported_crash_by_crash_and_no_other_app_with_it(
    services, client, member, run_workers, small_parts
):
    other = make_member(services, "grace@example.com", "Maps")
    crashes = []
    for number in range(5):
        mine = make_crash(services, member.app, occurrences=3, newest=NOON - timedelta(seconds=number))
        theirs = make_crash(services, other.app, occurrences=3, newest=NOON - timedelta(seconds=number))
        describe(services, mine)
        describe(services, theirs)
        crashes.append(mine.identifier)

    result = made(client, member, run_workers, f"apps/{member.app.identifier}")

    assert [part["rows"] for part in result["parts"]] == [4, 4, 4, 3]
    assert result["app_identifier"] == member.app.identifier
    assert [row["crash_identifier"] for row in ndjson(client, result)] == [crash for crash in crashes for _ in range(3)]


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({}, 6),
        ({"app_version": "2.0"}, 3),
        ({"app_version": ["2.0", "1.0"]}, 6),
        ({"app_version": "2.0", "os_name": "Android"}, 0),
        ({"device_model": "iPhone9,4", "os_version": "11.4"}, 3),
        ({"user_id": "u-1"}, 3),
        ({"since_date": "2018-09-12", "until_date": "2018-09-12"}, 2),
        ({"since_date": "2018-09-12", "app_version": "1.0"}, 2),
    ],
)
def test_filters_choose_by_date_version_system_device_and_user(services, client, member, run_workers, filters, rows):
    old, new = (make_crash(services, member.app, 3, NOON + timedelta(seconds=s)) for s in (0, 1))
    describe(
        services, old, app_version="1.0", os_name="iOS", os_version="11.4", device_model="iPhone9,4", user_id="u-1"
    )
    describe(services, new, app_version="2.0", os_name="iOS", os_version="12.0", device_model="iPhone9,4", user_id=None)

    result = made(client, member, run_workers, f"apps/{member.app.identifier}", **filters)

    assert (result["rows"], len(ndjson(client, result))) == (rows, rows)
    assert set(result["filters"]) == {name.replace("_date", "") for name in filters}


def test_a_lost_log_makes_a_batch_that_says_it_is_not_complete(client, services, member, run_workers):
    logs = [upload(client, member, run_workers, number) for number in range(2)]
    crash = logs[0]["occurrences"][0]["crash_identifier"]
    services.storage.delete_folder("logs")
    undescribe(services)

    as_rows = made(client, member, run_workers, f"crashes/{crash}", format="csv")
    as_reports = made(client, member, run_workers, f"crashes/{crash}", format="zip")
    filtered = made(client, member, run_workers, f"crashes/{crash}", app_version="1.2")

    assert (as_rows["complete"], as_rows["rows"], as_rows["unreadable"]) == (False, 2, 2)
    assert {row["app_version"] for row in csv_rows(client, as_rows)} == {""}
    assert (as_reports["complete"], as_reports["rows"], as_reports["unreadable"]) == (False, 0, 2)
    assert (filtered["complete"], filtered["rows"], filtered["unreadable"]) == (False, 0, 2)


def test_rows_need_no_log_and_are_the_same_without_what_the_digest_stored(client, services, member, run_workers):
    crash = upload(client, member, run_workers, 1)["occurrences"][0]["crash_identifier"]
    undescribe(services)
    from_logs = ndjson(client, made(client, member, run_workers, f"crashes/{crash}"))
    crash = upload(client, member, run_workers, 2, "-[Other tapped:]")["occurrences"][0]["crash_identifier"]
    services.storage.delete_folder("logs")
    result = made(client, member, run_workers, f"crashes/{crash}")

    [one], [two] = from_logs, ndjson(client, result)

    assert (result["complete"], result["unreadable"]) == (True, 0)
    assert one["app_version"]
    assert [one[name] for name in FACTS] == [two[name] for name in FACTS]


def test_the_same_question_in_other_words_joins_the_live_job_and_then_gets_its_result(
    services, client, member, run_workers
):
    crash = make_crash(services, member.app)
    describe(services, crash)
    path = f"crashes/{crash.identifier}"

    one = post(client, member, path, format="ndjson", app_version=["2", "1", "2"]).json["job_id"]
    two = post(client, member, path, app_version=["1", "2"]).json["job_id"]
    by_query = client.post(f"/api/{path}/exports?app_version=2&app_version=1", headers=member.headers).json["job_id"]
    run_workers()
    finished = post(client, member, path, app_version=["1", "2"])

    assert one == two == by_query == finished.json["job_id"]
    assert finished.json["loading"] == [False]
    tag = finished.headers["ETag"]
    again = client.post(
        f"/api/{path}/exports?app_version=2&app_version=1", headers={**member.headers, "If-None-Match": tag}
    )
    assert again.status_code == 304


def test_a_batch_shows_its_snapshot_until_something_newer_asks_for_another(
    services, client, member, run_workers, clock
):
    crash = make_crash(services, member.app)
    describe(services, crash)
    path = f"crashes/{crash.identifier}"
    first = made(client, member, run_workers, path)
    add_newer(services, crash)
    clock.advance(minutes=1)

    second = made(client, member, run_workers, path)

    assert (first["rows"], second["rows"]) == (3, 4)


def test_each_csv_file_begins_with_a_byte_order_mark_where_it_is_asked_for(
    services, client, member, run_workers, small_parts
):
    crash = make_crash(services, member.app, occurrences=5)
    path = f"crashes/{crash.identifier}"

    plain = files(client, made(client, member, run_workers, path, format="csv"))
    marked = files(client, made(client, member, run_workers, path, format="csv", encoding="utf-8-sig"))

    assert len(plain) == 2
    assert plain[0].startswith(b"id,")
    assert marked == [codecs.BOM_UTF8 + content for content in plain]


def test_a_batch_without_an_encoding_is_the_question_that_it_was_before_there_were_any(services, client, member):
    crash = make_crash(services, member.app, occurrences=1)

    jobs = [post(client, member, f"crashes/{crash.identifier}", **asked).json["job_id"]
            for asked in ({"format": "csv"}, {"format": "csv", "encoding": "utf-8"})]  # fmt: skip
    [job] = client.get("/api/jobs", headers=member.headers).json["result"]

    assert jobs == [job["job_id"]] * 2
    assert "encoding" not in job["question"]


def test_an_empty_batch_is_whole(services, client, member, run_workers):
    result = made(client, member, run_workers, f"apps/{member.app.identifier}")

    assert (result["rows"], result["parts"], result["complete"]) == (0, [], True)


def test_freeing_a_batch_removes_every_object_and_its_links(services, client, member, run_workers, small_parts):
    crash = make_crash(services, member.app, occurrences=10)
    describe(services, crash)
    path = f"crashes/{crash.identifier}"
    result = made(client, member, run_workers, path)
    job_id = post(client, member, path).json["job_id"]
    assert len(list(services.storage.list("jobs"))) == 4

    client.delete(f"/api/jobs/{job_id}", headers=member.headers)

    assert list(services.storage.list("jobs")) == []
    assert {client.get(part["url"]).status_code for part in result["parts"]} == {410}


def test_anothers_crash_and_app_and_none_at_all_are_not_there(services, client, member):
    other = make_member(services, "grace@example.com", "Maps")
    crash = make_crash(services, other.app)

    answers = [
        post(client, member, f"crashes/{crash.identifier}"),
        post(client, member, f"apps/{other.app.identifier}"),
        post(client, member, f"apps/{'0' * 24}"),
        post(client, member, "crashes/none"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert answers[1].data == answers[2].data
    assert client.post(f"/api/crashes/{crash.identifier}/exports").status_code == 401
    assert client.get(f"/api/crashes/{crash.identifier}/exports", headers=member.headers).status_code == 405


def test_a_part_serves_ranges_and_a_forged_link_opens_nothing(services, client, member, run_workers):
    crash = make_crash(services, member.app)
    describe(services, crash)
    [part] = made(client, member, run_workers, f"crashes/{crash.identifier}")["parts"]

    ranged = client.get(part["url"], headers={"Range": "bytes=0-9"})

    assert (ranged.status_code, len(ranged.data)) == (206, 10)
    assert client.get(part["url"][:-2] + "xx").status_code == 404


def test_the_manifest_and_the_question_are_shown_with_the_job(services, client, member, run_workers):
    crash = make_crash(services, member.app)
    describe(services, crash)
    made(client, member, run_workers, f"crashes/{crash.identifier}", format="csv")

    [job] = client.get("/api/jobs", headers=member.headers).json["result"]

    assert (job["kind"], job["state"], job["question"]["format"]) == ("crash_batch", "finished", "csv")
    assert job["progress"] == {"done": 3, "total": 3, "unit": "occurrences"}
