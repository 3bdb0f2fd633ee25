"""Keys of stored objects: built from checked parts only."""

from datetime import date

import pytest

from app.storage import artefact_key, checked, job_folder, log_key

JOB = "2eab310c430bf292171281ae"
HOSTILE = ["", "..", ".", "../a", "a/b", "/a", "a\\b", "a\0", "a b", "a\n", "%2e%2e", "ä", "x" * 129, "\ud800"]


def test_keys_are_laid_out_by_app_and_day_and_by_job_and_attempt():
    assert log_key("app1", date(2018, 9, 3), "log-1") == "logs/app1/2018/09/03/log-1"
    assert job_folder(JOB) == f"jobs/{JOB}"
    assert artefact_key(JOB, 2, "report.json") == f"jobs/{JOB}/2/report.json"


def test_no_two_attempts_share_a_key():
    assert len({artefact_key(JOB, attempt, "report.json") for attempt in range(1, 4)}) == 3


@pytest.mark.parametrize("part", HOSTILE)
def test_a_part_that_could_climb_out_of_its_folder_is_refused(part):
    for build in (
        lambda: checked(part),
        lambda: log_key(part, date(2018, 9, 3), "log-1"),
        lambda: log_key("app1", date(2018, 9, 3), part),
        lambda: job_folder(part),
        lambda: artefact_key(JOB, 1, part),
    ):
        with pytest.raises(ValueError, match="storage key"):
            build()
