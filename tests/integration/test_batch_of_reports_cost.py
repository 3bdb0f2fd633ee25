"""What a zip of reports costs, counted (both databases)."""

from app.ingest.receive import receive
from app.jobs import running
from app.jobs.parts import run_part
from app.jobs.service import ask
from tests.batches import parts_now
from tests.factories import kscrash, run_enqueued
from tests.integration.test_poll_cost import statements
from tests.uploads import LOG_ID


def test_the_logs_of_a_page_are_found_by_one_statement(services, member):
    for number in range(6):
        receive(services, member.app, LOG_ID[:-5] + f"{number:05d}", kscrash())
    run_enqueued(services)
    job = ask(services, member.user_id, "app_batch", member.app.identifier, {"format": "zip"})
    running.run(services, job.id)

    with statements(services) as sent:
        run_part(services)

    assert [part.rows for part in parts_now(services, job)] == [6]
    assert len([statement for statement in sent if "FROM logs" in statement]) == 1
