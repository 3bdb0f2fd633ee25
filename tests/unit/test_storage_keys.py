"""Keys of stored objects: built from checked parts only."""

import re
from datetime import date

import pytest

from app.db.models.job import Job
from app.db.models.log import Log
from app.storage_keys import artefact_key, checked, job_folder, log_key, symbols_key

SHA256 = "0a" * 32
JOB = "2eab310c430bf292171281ae"
HOSTILE = ["", "..", ".", "../a", "a/b", "/a", "a\\b", "a\0", "a b", "a\n", "%2e%2e", "ä", "x" * 129, "\ud800"]


def test_keys_are_laid_out_by_app_and_day_and_by_job_and_attempt():
    assert re.fullmatch("logs/app1/2018/09/03/log-1.0ab-[0-9a-f]{8}", log_key("app1", date(2018, 9, 3), "log-1", "0ab"))
    assert job_folder(JOB) == f"jobs/{JOB}"
    assert artefact_key(JOB, "2-0ab", "report.json") == f"jobs/{JOB}/2-0ab/report.json"


def test_no_two_attempts_share_a_name_and_no_two_claims_of_the_same_number():
    claims = [(1, None), (1, "host:7:ab/9-0ab"), (1, "host:7:ab/9-1ab"), (2, "host:7:ab/9-0ab")]

    names = [Job(attempt=attempt, holder=holder).attempt_name for attempt, holder in claims]

    assert names == ["1", "1-0ab", "1-1ab", "2-0ab"]


def test_no_two_uploads_share_a_key():
    assert len({log_key("app1", date(2018, 9, 3), "log-1", SHA256) for _ in range(3)}) == 3


def test_the_longest_name_of_a_log_makes_a_key_that_its_row_and_a_folder_can_hold():
    key = log_key("0" * 24, date(2018, 9, 3), "x" * 128, SHA256)

    assert len(key) <= Log.__table__.c.storage_key.type.length
    assert len(f"{key.rpartition('/')[2]}#10") <= 255


@pytest.mark.parametrize("part", HOSTILE)
def test_a_part_that_could_climb_out_of_its_folder_is_refused(part):
    for build in (
        lambda: checked(part),
        lambda: log_key(part, date(2018, 9, 3), "log-1", SHA256),
        lambda: log_key("app1", date(2018, 9, 3), part, SHA256),
        lambda: symbols_key("app1", part, "upload"),
        lambda: job_folder(part),
        lambda: artefact_key(JOB, "1", part),
        lambda: artefact_key(JOB, part, "report.json"),
    ):
        with pytest.raises(ValueError, match="storage key"):
            build()
