"""An archive of logs, from the upload to the report of each crash in it."""

import io
import json
import zipfile

from app.db.models.log import LogStatus
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.jobs import service


def trace(name):
    return f"java.lang.IllegalStateException: {name}\n\tat com.example.{name}.Main.run(Main.java:7)\n"


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_each_crash_of_an_archive_has_its_number_and_the_report_of_just_that_crash(services, member, run_workers):
    raw = zipped({"b.txt": trace("one"), "readme": "hello", "a.txt": trace("two")})
    log_id = receive(services, member.app, "bundle", raw)
    run_workers()

    state = log_state(services, member.app, log_id)

    assert (state.log.status, state.log.format) == (LogStatus.DIGESTED, "archive")
    assert state.log.error_message == "readme: The log is text but holds no crash report in a known format"
    assert [name for name, _ in state.occurrences] == ["bundle-crash-1", "bundle-crash-2"]
    for (name, crash), message in zip(state.occurrences, ["one", "two"], strict=True):
        question = {"id": name, "log_id": log_id, "date": state.date, "format": "json"}
        service.ask(services, member.user_id, "export_occurrence", crash, question)
        run_workers()
        job = service.ask(services, member.user_id, "export_occurrence", crash, question)
        report = json.loads(services.storage.get(job.result_key))
        assert message in json.dumps(report.get("crash", report))
        assert f"com.example.{message}.Main" in json.dumps(report)


def test_an_archive_over_the_limit_when_unpacked_is_rejected_and_nothing_of_it_is_counted(
    services, member, run_workers
):
    raw = zipped({"a.txt": trace("one"), "b.txt": trace("two") + " " * services.config.max_log_bytes})
    log_id = receive(services, member.app, "large", raw)
    run_workers()

    state = log_state(services, member.app, log_id)

    assert (state.log.status, state.occurrences) == (LogStatus.REJECTED, [])
    assert "unpacks to more than" in state.log.error_message
