"""Ids that senders choose collide: within an app the first log stays as it is, and another app's is another log."""

import json

import pytest

from tests.factories import make_member
from tests.functional.test_dump_senders import REPORT, basic, stored

EVENT_ID = "9ec79c33ec9942ab8353589fcb2e04dc"
ACRA_ID = f"acra-{REPORT['REPORT_ID']}"


def _sentry(client, member, text: str):
    event = {"event_id": EVENT_ID, "platform": "java", "exception": {"values": [{"type": "Error", "value": text}]}}
    return client.post(f"/api/{member.app.id}/store/?sentry_key={member.ingest_key}", data=json.dumps(event))


def _acra(client, member, text: str):
    report = {**REPORT, "STACK_TRACE": f"java.lang.Error: {text}\n\tat a.B.c(B.java:1)"}
    return client.post(
        f"/api/{member.app.id}/acra",
        data=json.dumps(report),
        content_type="application/json",
        headers=basic("notes", member.ingest_key),
    )


def _own(client, member, log_id: str, text: str):
    path = f"/api/apps/{member.app.identifier}/logs?log_id={log_id}"
    return client.post(path, data=text, headers=member.sender)


@pytest.mark.parametrize(("send", "log_id"), [(_sentry, EVENT_ID), (_acra, ACRA_ID)])
def test_an_id_that_is_taken_in_the_app_changes_nothing_whichever_sender_sends_it(
    client, services, member, send, log_id
):
    assert _own(client, member, log_id, "first").status_code == 202

    assert send(client, member, "second").status_code == 200  # an SDK would send it again for ever
    assert _own(client, member, log_id, "third").status_code == 409
    assert stored(services, member, log_id) == b"first"


@pytest.mark.parametrize(("send", "log_id"), [(_sentry, EVENT_ID), (_acra, ACRA_ID)])
def test_an_id_of_an_sdk_is_not_overwritten_by_an_upload(client, services, member, send, log_id):
    send(client, member, "first")
    before = stored(services, member, log_id)

    assert _own(client, member, log_id, "second").status_code == 409
    assert send(client, member, "third").status_code == 200
    assert stored(services, member, log_id) == before


@pytest.mark.parametrize(("send", "log_id"), [(_sentry, EVENT_ID), (_acra, ACRA_ID)])
def test_the_same_id_in_another_app_is_another_log(client, services, member, send, log_id):
    other = make_member(services, "grace@example.com")
    for one in (member, other):
        assert send(client, one, one.email).status_code == 200

    assert [one.email.encode() in stored(services, one, log_id) for one in (member, other)] == [True, True]
