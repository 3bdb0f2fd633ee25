"""A corpus of real logs, where there is one beside the project: what is digested, what is rejected, and why."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from app.db.models.log import LogStatus
from app.errors import AppError
from app.ingest.log_id import log_id_of_file
from app.ingest.receive import receive
from app.ingest.status import LogState, log_state
from app.jobs import service
from app.reports import REPORTS
from app.services import Services
from tests.factories import Member

CORPUS = Path(os.environ.get("CRASHQ_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))

REJECTED = {
    "android-tombstone": {
        "tombstone_debug_meta.json.gz": "JSON but of no known crash report format",
    },
    "apple-metrickit": {"tree-garbage.json": "cut short"},
    "apple-text": {"xcode16.txt": "cut short"},
    "sentry-envelope": {
        "event-attachment.txt": "is no JSON object",
        "session.txt": "holds no event, only: session",
    },
    "measure-event": {"apple_stacktrace_one.txt": "no crash report in a known format"},
    "minidump": {
        "evil.json": "no known crash report format",
        "invalid-range.dmp": "names no exception and no thread",
    },
    "sentry-event": {
        "event.json": "names no exception, message or crashed thread",
        "sentry_base_event.json": "names no exception, message or crashed thread",
    },
}
FILES = {
    "kscrash-json": 30,
    "apple-text": 15,
    "apple-ips": 2,
    "android-java-trace": 6,
    "android-tombstone": 5,
    "android-anr": 5,
    "android-native-log": 6,
    "sentry-event": 127,
    "sentry-envelope": 5,
    "measure-event": 12,
    "measure-session": 52,
    "bugsnag-event": 2,
    "apple-metrickit": 5,
    "minidump": 19,
}
WITHOUT_CRASH = {"measure-session": 3}  # sessions whose exceptions were all handled


@pytest.mark.parametrize("folder", FILES)
def test_every_real_log_is_digested_with_every_report_or_rejected_with_its_reason(
    folder: str, services: Services, member: Member, run_workers
):
    files = _files(folder)

    names = {}
    for path in files:
        content = path.read_bytes()
        names[path.name] = receive(services, member.app, log_id_of_file(path.stem, content), content)
    run_workers()
    states = {name: log_state(services, member.app, log_id) for name, log_id in names.items()}

    rejected = {
        name: state.log.error_message for name, state in states.items() if state.log.status == LogStatus.REJECTED
    }
    expected = REJECTED.get(folder, {})
    assert Counter(state.log.status for state in states.values())[LogStatus.RECEIVED] == 0
    assert len(files) == FILES[folder]
    assert rejected.keys() == expected.keys()
    for name, part in expected.items():
        assert part in rejected[name]
    empty = [name for name, state in states.items() if name not in rejected and not state.occurrences]
    assert len(empty) == WITHOUT_CRASH.get(folder, 0)
    for name, state in states.items():
        _make_reports(services, member, run_workers, name, state)


def _make_reports(
    services: Services, member: Member, run_workers: Callable[[], int], name: str, state: LogState
) -> None:
    """Ask for each report of each occurrence; all have to be made."""
    for occurrence, crash in state.occurrences:
        for report in REPORTS:
            question = {"id": occurrence, "log_id": state.log.log_id, "date": state.date, "format": report}

            job = service.ask(services, member.user_id, "export_occurrence", crash, question)
            run_workers()

            try:
                answer = service.ask(services, member.user_id, "export_occurrence", crash, question)
            except AppError as error:
                pytest.fail(f"{name} as {report}: {error.message}")
            assert answer.id == job.id
            assert answer.result_size


def _files(folder: str) -> list[Path]:
    if not CORPUS.is_dir():
        pytest.skip("there is no corpus beside this checkout; CRASHQ_CORPUS names one")
    return sorted((CORPUS / folder).iterdir())
