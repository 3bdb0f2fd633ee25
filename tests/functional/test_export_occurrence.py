"""The report of one occurrence over HTTP."""

import hashlib
import io
import json
import zipfile

import pytest
from sqlalchemy import select

from app.db.models.log import Log
from app.reports import REPORTS
from tests.factories import kscrash, make_crash, make_member
from tests.uploads import LOG_ID, digested, export_url

MISSING = "id, log id or start_day not provided"


@pytest.fixture
def log(client, member, run_workers):
    return digested(client, member, run_workers)


def export(client, member, run_workers, url):
    client.get(url, headers=member.headers)
    run_workers()
    return client.get(url, headers=member.headers)


@pytest.mark.parametrize("format_name", sorted(REPORTS))
def test_a_report_is_exported_and_downloaded_in_every_format(client, member, log, run_workers, format_name):
    url = export_url(log, format=format_name)

    first = client.get(url, headers=member.headers)
    answer = export(client, member, run_workers, url)
    result = answer.json["result"]
    file = client.get(result["url"])

    assert (first.json["loading"], first.json["result"]) == ([True], None)
    assert first.headers["X-Progress"] == "0/1 reports"
    assert list(result) == ["url", "filename", "content_type", "size", "sha256", "expires_at"]
    assert result["filename"] == f"{LOG_ID}-crash-1.{REPORTS[format_name].EXTENSION}"
    assert result["expires_at"] == "2018-09-14T12:00:00Z"
    assert (len(file.data), hashlib.sha256(file.data).hexdigest()) == (result["size"], result["sha256"])
    assert file.headers["Content-Type"].startswith(result["content_type"])


def test_json_is_the_default_and_the_zip_holds_the_raw_log(client, member, log, run_workers):
    as_json = client.get(export(client, member, run_workers, export_url(log)).json["result"]["url"])
    as_zip = client.get(export(client, member, run_workers, export_url(log, format="zip")).json["result"]["url"])

    assert isinstance(json.loads(as_json.data), dict)
    with zipfile.ZipFile(io.BytesIO(as_zip.data)) as archive:
        assert kscrash() in [archive.read(name) for name in archive.namelist()]


def test_start_day_is_another_name_for_date(client, member, log, run_workers):
    answer = export(client, member, run_workers, export_url(log, date=None, start_day=log["date"]))

    assert answer.json["loading"] == [False]
    assert client.get(export_url(log), headers=member.headers).json["job_id"] == answer.json["job_id"]


@pytest.mark.parametrize("change", [{"id": None}, {"id": ""}, {"log_id": None}, {"log_id": ""}, {"date": None}, {"date": ""},
                                    {"date": "", "start_day": ""}])  # fmt: skip
def test_what_is_missing_or_empty_is_a_bad_request(client, member, log, change):
    answer = client.get(export_url(log, **change), headers=member.headers)

    assert (answer.status_code, answer.json["error_message"]) == (400, MISSING)


@pytest.mark.parametrize("change", [{"date": "2018-02-30"}, {"date": "13-09-2018"}, {"date": "0000-01-01"}, {"date": "%00"},
                                    {"format": "pdf"}, {"format": "JSON"}, {"format": "%00"}])  # fmt: skip
def test_what_makes_no_sense_is_a_bad_request_that_names_it(client, member, log, change):
    answer = client.get(export_url(log, **change), headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert answer.json["error_message"].startswith(next(iter(change)))


@pytest.mark.parametrize(
    "change",
    [{"date": "2018-09-14"}, {"id": f"{LOG_ID}-crash-2"}, {"id": f"{LOG_ID}-crash-0"}, {"id": f"{LOG_ID}-crash-01"},
     {"id": LOG_ID}, {"log_id": "another"}, {"id": "%00"}, {"log_id": "%00"}, {"id": f"{LOG_ID}-crash-{'9' * 30}"},
     {"id": "x" * 5_000},
     {"log_id": "..%2F..%2Fetc", "id": "..%2F..%2Fetc-crash-1"}, {"id": "%FF"}, {"id": f"{LOG_ID}-crash-1%0A"}],
    ids=lambda change: str(change)[:40],
)  # fmt: skip
def test_an_occurrence_that_is_not_of_this_crash_is_not_found(client, member, log, change):
    answer = client.get(export_url(log, **change), headers=member.headers)

    assert (answer.status_code, answer.json["error_message"]) == (404, "Occurrence not found")


def test_an_occurrence_of_another_crash_is_not_found(client, services, member, log):
    other = make_crash(services, member.app)
    url = export_url(log).replace(log["occurrences"][0]["crash_identifier"], other.identifier)

    assert client.get(url, headers=member.headers).json["error_message"] == "Occurrence not found"


def test_token_crash_access_and_parameters_are_checked_in_this_order(client, services, member):
    hidden = make_crash(services, make_member(services, "mallory@example.com").app)
    own = make_crash(services, member.app)
    path = "/api/crashes/{}/export_occurrences"

    answers = [
        client.get(path.format("0" * 24)),
        client.get(path.format("0" * 24), headers=member.headers),
        client.get(path.format(hidden.identifier), headers=member.headers),
        client.get(path.format(own.identifier), headers=member.headers),
        client.get(path.format(own.identifier) + "?id=a&log_id=b&date=x", headers=member.headers),
    ]

    assert [answer.status_code for answer in answers] == [401, 404, 404, 400, 400]
    assert [answer.json["error_message"] for answer in answers[1:4]] == [
        "App Crash with identifier occurrences.", "You have no access to this app crash", MISSING
    ]  # fmt: skip


def test_a_stored_log_that_can_no_longer_be_read_is_unprocessable(client, services, member, log, run_workers):
    with services.db.write() as session:
        [row] = session.scalars(select(Log))
        row.storage_key = "logs/of-an-earlier-release"
        services.storage.put_bytes(row.storage_key, b"no crash log".ljust(row.size))

    answer = export(client, member, run_workers, export_url(log))

    assert (answer.status_code, answer.json["status"]) == (422, "unprocessable")


def test_a_stored_log_that_has_gone_is_gone(client, services, member, log, run_workers):
    services.storage.delete_folder("logs")

    answer = export(client, member, run_workers, export_url(log))

    assert (answer.status_code, answer.json["status"]) == (410, "gone")
