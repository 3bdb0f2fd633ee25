"""The statistics of a whole app: from figures, from occurrences where these are not complete (both databases)."""

import json

from sqlalchemy import delete, select, update

from app.db.models.crash import Crash
from app.db.models.crash_figure import CrashFigure
from app.ingest.receive import receive
from app.jobs.service import ask
from tests.factories import NOON, make_member, run_enqueued
from tests.job_types import row
from tests.sentry_events import sentry_event
from tests.statements import statements

CONTEXTS = {"os": {"name": "iOS", "version": "17.1"}, "device": {"model": "iPhone9,4"}}
EXPECTED = {
    "first_day": "2018-09-12",
    "last_day": "2018-09-13",
    "crashes": 2,
    "occurrences": 4,
    "users": 2,
    "occurrences_without_user": 1,
    "occurrences_per_day": [3, 1],
    "app_versions": {"top": [{"app_version": "1.2", "occurrences": 4}], "other": 0, "unknown": 0},
    "os_versions": {"top": [{"os_name": "iOS", "os_version": "17.1", "occurrences": 1}], "other": 0, "unknown": 3},
    "device_models": {"top": [{"device_model": "iPhone9,4", "occurrences": 1}], "other": 0, "unknown": 3},
    "environments": {"top": [{"environment": "staging", "occurrences": 2}], "other": 0, "unknown": 2},
}


def told(services, member, **query):
    job = ask(services, member.user_id, "app_totals", member.app.identifier, query)
    run_enqueued(services)
    return json.loads(row(services, job).result_text)


def test_an_app_is_told_in_figures_of_the_chosen_days_without_a_look_at_occurrences(services, member, run_workers):
    other = make_member(services, "b@example.com")
    for number, (user, day, more) in enumerate([
        ("ada", 12, {"environment": "staging"}), ("ada", 12, {"environment": "staging", "contexts": CONTEXTS}),
        ("bob", 13, {"exception": {"values": [{"type": "OtherError", "value": "x"}]}}), (None, 12, {}), ("cleo", 1, {}),
    ]):  # fmt: skip
        event = sentry_event(user, name=str(number), timestamp=f"2018-09-{day:02}T08:00:00Z", **more)
        receive(services, member.app, f"log-{number}", event)
        receive(services, other.app, f"log-{number}", event)
    run_workers()

    with statements(services) as sent:
        found = told(services, member, since_date="2018-09-12")

    assert found == EXPECTED
    assert not any("FROM occurrences" in statement for statement, _ in sent)
    with services.db.write() as session:
        first = session.scalars(select(Crash.id).where(Crash.app_id == member.app.id)).first()
        session.execute(update(Crash).where(Crash.id == first).values(figures_revision=-1))
        session.execute(delete(CrashFigure).where(CrashFigure.crash_id == first))
    assert told(services, member, since_date="2018-09-12", until_date="2018-09-13") == EXPECTED


def test_an_app_without_a_crash_has_nothing_to_tell(services, member):
    found = told(services, member)

    assert (found["occurrences"], found["crashes"], sum(found["occurrences_per_day"])) == (0, 0, 0)
    assert found["last_day"] == NOON.date().isoformat()
