"""An app that sends more logs in a minute than it may, over HTTP."""

import json
from dataclasses import replace

import pytest
from limits.storage import MemoryStorage

from app import create_app
from app.queueing.rate_limit import RateLimit
from tests.factories import kscrash, make_member
from tests.functional.test_sentry_senders import EVENT_ID, crash, envelope, event, sent


@pytest.fixture
def limited(services):
    """A client of a service where an app may send two logs a minute."""
    config = replace(services.config, logs_per_minute=2)
    return create_app(replace(services, config=config, rate_limit=RateLimit(MemoryStorage()))).test_client()


def upload(client, member, name: str):
    url = f"/api/apps/{member.app.identifier}/logs?log_id={name}"
    return client.post(url, data=kscrash(), headers=member.sender)


def test_one_log_too_many_is_429_with_the_rest_of_the_minute_and_nothing_of_it_is_kept(limited, services, member):
    answers = [upload(limited, member, name) for name in ("one", "two", "three")]

    refused = answers[2]
    seconds = int(refused.headers["Retry-After"])
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert 1 <= seconds <= 60
    assert refused.json == {
        "success": False,
        "status": "too_many_requests",
        "error_message": f"The app sends more than 2 logs a minute, try again in {seconds} s",
    }
    assert len(services.broker.messages) == len(list(services.storage.list("logs"))) == 2


def test_other_apps_go_on_sending(limited, services, member):
    other = make_member(services, "mallory@example.com")
    for name in ("one", "two", "three"):
        upload(limited, member, name)

    assert upload(limited, other, "one").status_code == 202


def test_an_app_may_set_a_limit_of_its_own_or_none(limited, member):
    settings = f"/api/apps/{member.app.identifier}/settings"
    limited.patch(settings, json={"logs_per_minute": 1}, headers=member.headers)
    narrow = [upload(limited, member, name).status_code for name in ("one", "two")]
    limited.patch(settings, json={"logs_per_minute": None}, headers=member.headers)
    free = [upload(limited, member, f"more-{number}").status_code for number in range(4)]

    assert (narrow, free) == ([202, 429], [202] * 4)


def test_without_a_limit_nothing_is_counted(services, member):
    client = create_app(replace(services, rate_limit=RateLimit(NeverAsked()))).test_client()

    assert [upload(client, member, str(number)).status_code for number in range(3)] == [202] * 3


def test_sentrys_sdks_are_told_in_their_own_words_and_what_is_dropped_does_not_count(limited, member):
    for _ in range(3):
        sent(limited, member, body=envelope(({"type": "session"}, b"{}")))
    taken = [sent(limited, member, body=crash()), sent(limited, member, "store/", json.dumps(event()).encode())]

    refused = sent(limited, member, body=crash())

    assert [answer.json for answer in taken] == [{"id": EVENT_ID}] * 2
    assert refused.status_code == 429
    assert refused.headers["X-Sentry-Rate-Limits"] == f"{refused.headers['Retry-After']}::key"
    assert refused.headers["X-Sentry-Error"] == refused.json["error_message"]


def test_acra_and_minidumps_are_counted_with_the_rest(limited, member):
    for name in ("one", "two"):
        upload(limited, member, name)
    key = f"sentry_key={member.ingest_key}"

    answers = [
        limited.post(f"/api/{member.app.id}/acra/?{key}", data=b'{"STACK_TRACE":"java.lang.Error"}'),
        limited.post(f"/api/{member.app.id}/minidump/?{key}", data=b"MDMP" + bytes(28)),
    ]

    assert [answer.status_code for answer in answers] == [429, 429]


class NeverAsked(MemoryStorage):
    def incr(self, *_: object, **__: object) -> int:
        raise AssertionError("nothing is to be counted")
