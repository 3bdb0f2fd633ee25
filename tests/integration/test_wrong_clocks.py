"""Wrong clocks of devices: a crash is sorted and filtered by times that its log's arrival bounds (both databases)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.db.models.crash import Crash
from app.db.models.occurrence import Occurrence
from app.db.queries.removal import first_and_last
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.operations.doctor import examine
from app.parsers import recognise
from app.parsers.document import Document
from app.privacy.retention import remove_what_is_old
from tests.factories import NOON, kscrash, run_enqueued

NEVER_SET, END_OF_TIME = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
EVENT = {"event_id": "7c1d9a40b2e84f3f9a6601d5e8b7c234", "platform": "python", "exception": {"values": [{"type": "E"}]}}
SENT = str(EVENT["event_id"])  # what the log of an SDK is named


def crash_of(services, member, *times: str, first: int = 0) -> Crash:
    """The crash of KSCrash logs with these times of their own, digested."""
    for number, time in enumerate(times, first):
        receive(services, member.app, f"log-{number}", kscrash(timestamp=time))
    run_enqueued(services)
    [(_, identifier)] = log_state(services, member.app, f"log-{first}").occurrences
    return read(services, identifier)


def read(services, identifier: str) -> Crash:
    with services.db.read() as session:
        return session.query(Crash).filter_by(identifier=identifier).one()


def envelope(sent_at: datetime, timestamp: datetime) -> bytes:
    event = json.dumps({**EVENT, "timestamp": timestamp.isoformat()})
    header = json.dumps({"event_id": EVENT["event_id"], "sent_at": sent_at.isoformat()})
    return "\n".join([header, json.dumps({"type": "event", "length": len(event)}), event]).encode()


def test_a_time_that_cannot_be_true_counts_as_the_arrival_and_stays_the_occurrences_date(services, member):
    crash = crash_of(services, member, "2018-09-13T08:00:00Z", NEVER_SET, END_OF_TIME, "2018-09-13T12:00:01Z")

    assert (crash.first_seen, crash.last_seen) == (NOON - timedelta(hours=4), NOON)
    with services.db.read() as session:
        dates = {row.occurred_at.year for row in session.query(Occurrence)}
    assert dates == {1, 2018, 9999}


def test_a_log_that_arrives_late_keeps_its_time(services, member):
    crash = crash_of(services, member, "2009-01-01T00:00:00Z")

    assert crash.first_seen == crash.last_seen == datetime(2009, 1, 1, tzinfo=UTC)


def test_how_late_is_a_setting(services, member):
    strict = replace(services, config=replace(services.config, oldest_crash_days=30))

    crash = crash_of(strict, member, "2018-08-01T00:00:00Z")

    assert crash.first_seen == NOON


def test_lists_are_searched_by_the_times_that_they_show(services, member, client_of):
    crash_of(services, member, NEVER_SET, END_OF_TIME)
    client, url = client_of(services), f"/api/apps/{member.app.identifier}/crashes"

    def found(query: str) -> int:
        return len(client.get(f"{url}?{query}", headers=member.headers).json["result"])

    assert found("first_seen_since=2018-09-13") == found("last_seen_until=2018-09-13") == 1
    assert found("since_date=2018-09-13&until_date=2018-09-13") == 1
    assert found("since_date=2018-09-14") == found("until_date=2018-09-12") == 0


def test_a_day_between_is_searched_by_the_same_times(services, member, clock, client_of):
    crash_of(services, member, "2018-09-01T00:00:00Z", "2019-06-01T00:00:00Z")
    clock.advance(days=10)
    crash_of(services, member, "2018-09-20T00:00:00Z", first=2)
    client, url = client_of(services), f"/api/apps/{member.app.identifier}/crashes"

    def found(day: str) -> int:
        query = f"since_date={day}&until_date={day}"
        return len(client.get(f"{url}?{query}", headers=member.headers).json["result"])

    assert [found(f"2018-09-{day}") for day in ("01", "12", "13", "14", "20")] == [1, 0, 1, 0, 1]


@pytest.mark.parametrize("drift", [timedelta(days=30), timedelta(days=-30), timedelta(hours=1)])
def test_a_clock_that_was_wrong_when_the_log_was_sent_is_corrected(services, member, drift):
    sent_at = NOON + drift
    content = envelope(sent_at, sent_at - timedelta(minutes=5))

    receive(services, member.app, SENT, content)
    run_enqueued(services)

    [(_, identifier)] = log_state(services, member.app, SENT).occurrences
    assert read(services, identifier).first_seen == NOON - timedelta(minutes=5)
    [report] = recognise(Document(content)).parse(Document(content))
    assert report.occurred_at == sent_at - timedelta(minutes=5)


def test_a_stored_envelope_that_is_brought_in_later_keeps_its_time(services, member):
    sent_at = NOON - timedelta(days=400)

    receive(services, member.app, "archive-1.envelope", envelope(sent_at, sent_at))
    run_enqueued(services)

    [(_, identifier)] = log_state(services, member.app, "archive-1.envelope").occurrences
    assert read(services, identifier).first_seen == sent_at


def test_a_clock_that_is_nearly_right_is_left_alone(services, member):
    receive(services, member.app, SENT, envelope(NOON - timedelta(minutes=10), NOON - timedelta(minutes=12)))
    run_enqueued(services)

    [(_, identifier)] = log_state(services, member.app, SENT).occurrences
    assert read(services, identifier).last_seen == NOON - timedelta(minutes=12)


def test_what_a_wrong_clock_dates_is_kept_as_long_as_other_occurrences(services, member, clock):
    keeping = replace(services, config=replace(services.config, keep_occurrences_days=30))
    crash = crash_of(keeping, member, NEVER_SET, "2018-09-13T12:00:00Z")

    clock.advance(days=29)
    assert remove_what_is_old(keeping) == 0
    clock.advance(days=2)
    remove_what_is_old(keeping)

    assert read(keeping, crash.identifier).occurrences_count == 0


def test_doctor_finds_and_mends_what_an_earlier_release_has_counted(services, member, clock):
    crash = crash_of(services, member, "2018-09-13T08:00:00Z", NEVER_SET, END_OF_TIME, "2009-01-01T00:00:00Z")
    with services.db.write() as session:  # as it would have
        session.execute(update(Occurrence).values(seen_at=None))
        first, last = first_and_last(session, crash.id)
        session.execute(update(Crash).values(first_seen=first, last_seen=last))
    clock.advance(days=400)  # 2009 is more than ten years ago now, but was not when its log arrived

    findings = [finding for finding in examine(services) if finding.what.startswith("crash ")]
    for finding in findings:
        finding.mend()

    assert [crash.identifier in finding.what for finding in findings] == [True]
    mended = read(services, crash.identifier)
    assert (mended.first_seen, mended.last_seen) == (datetime(2009, 1, 1, tzinfo=UTC), NOON)
    assert mended.revision > crash.revision
    assert not [finding for finding in examine(services) if finding.what.startswith("crash ")]
