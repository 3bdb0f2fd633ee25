"""A user whose rows have gone by their age: what was made of them goes with the user all the same (both databases)."""

from app.db.models.job import JobState
from app.privacy.retention import remove_what_is_old
from app.privacy.settings import change_settings
from tests.erasing import ADA, BOB, add, erased, export, made, row
from tests.factories import kscrash
from tests.sentry_events import sentry_event
from tests.stored_bytes import where_it_lies

DAYS = 30


def test_results_that_still_show_rows_that_have_aged_go_and_others_stay(services, clock, member):
    crash = add(services, member, "a-1", sentry_event(ADA, timestamp="2018-08-01T08:00:00Z"))
    add(services, member, "b-1", sentry_event(BOB))
    other = add(services, member, "b-2", kscrash(frame="-[Other tapped:]"))
    batch = made(services, member, "crash_batch", crash, format="ndjson")
    report = export(services, member, "a-1", crash)
    untouched = made(services, member, "occurrences", other)
    change_settings(services, member.app, {"keep_occurrences_days": DAYS})
    while remove_what_is_old(services):
        pass
    assert where_it_lies(services, ADA) != []

    one = erased(services, clock, member)

    assert (one.logs, one.occurrences) == (0, 0)
    assert where_it_lies(services, ADA) == []
    assert [row(services, job.id).state for job in (batch, report)] == [JobState.EXPIRED] * 2
    assert row(services, untouched.id).state == JobState.FINISHED


def test_a_tag_that_names_the_user_goes_when_the_bytes_of_its_log_have_gone(services, clock, member):
    add(services, member, "a-1", sentry_event(None, tags={"account": ADA}, environment="staging"))
    add(services, member, "b-1", sentry_event(None, tags={"account": BOB}))
    change_settings(services, member.app, {"keep_logs_days": DAYS})
    while remove_what_is_old(services):
        pass
    assert where_it_lies(services, ADA) != []

    one = erased(services, clock, member)

    assert one.occurrences == 1
    assert where_it_lies(services, ADA) == []
    assert where_it_lies(services, BOB) != []
