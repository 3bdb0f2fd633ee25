"""Splits of an app: logs to come follow, and so do those that are stored (both databases)."""

from app.ingest.receive import receive
from app.ingest.regrouping import begin_regrouping
from app.privacy.settings import change_settings
from tests.factories import kscrash
from tests.regrouping import counted, crash_of, rules_of_the_next_version, send

OLD_ONES = {"name": "old", "app_version": "1.*", "function": "-[A go]"}
BY_MESSAGE = {"name": "reasons", "function": "-[A go]", "by": "message"}


def test_stored_logs_and_those_to_come_are_split_and_the_reason_is_told(services, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    whole = crash_of(services, "log-0")

    change_settings(services, member.app, {"splits": [OLD_ONES]})
    run_workers()
    receive(services, member.app, "later", kscrash(frame="-[A go]"))
    run_workers()

    split = crash_of(services, "log-0")
    assert split.identifier != whole.identifier
    assert crash_of(services, "later").identifier == split.identifier
    assert sorted(counted(services).values()) == [1, 3]
    assert '"split: old"' in split.why


def test_each_message_becomes_a_crash_and_one_again_when_the_split_goes(services, member, run_workers):
    for number, reason in enumerate(["no page", "no page", "no ink"]):
        receive(services, member.app, f"log-{number}", kscrash(reason, frame="-[A go]"))
    run_workers()
    whole = crash_of(services, "log-0").identifier

    change_settings(services, member.app, {"splits": [BY_MESSAGE]})
    run_workers()
    split = sorted(counted(services).values())
    change_settings(services, member.app, {"splits": None})
    run_workers()

    assert split == [1, 2]
    assert counted(services) == {whole: 3}


def test_a_split_outlives_newer_rules(services, member, run_workers):
    change_settings(services, member.app, {"splits": [BY_MESSAGE]})
    for number, reason in enumerate(["no page", "no ink"]):
        receive(services, member.app, f"log-{number}", kscrash(reason, frame="-[A go]"))
    run_workers()

    with rules_of_the_next_version(lambda parts: parts[:1]):
        begin_regrouping(services, member.app.id)
        run_workers()

    assert sorted(counted(services).values()) == [1, 1]


def test_settings_that_leave_the_splits_group_nothing_anew(services, member):
    change_settings(services, member.app, {"splits": [OLD_ONES]})
    services.broker.messages.clear()

    change_settings(services, member.app, {"splits": [OLD_ONES], "keep_logs_days": 9})

    assert services.broker.messages == []
