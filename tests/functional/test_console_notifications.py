"""The pages of channels: made by check boxes and numbers, tried, paused, changed, removed."""

import pytest

from app import create_app
from app.db.models.channel import NotificationChannel
from app.notifications import settings as channels
from app.notifications.channels import CHANNELS
from app.webhooks.deliveries import deliver_due
from tests.console import HOSTILE, Page, press, said, sign_in
from tests.notifying import reaching
from tests.receiver import receiver


@pytest.fixture
def services(services):
    return reaching(services)


@pytest.fixture
def client(services, member):
    return sign_in(create_app(services).test_client(), member)


@pytest.fixture
def path(member) -> str:
    return f"/apps/{member.app.identifier}/settings/notifications"


@pytest.fixture
def sink():
    with receiver() as made:
        yield made


def one(services, member) -> tuple[str, NotificationChannel, channels.ChannelRules]:
    """The only channel: identifier, row and rules."""
    [(hook, channel)] = channels.page(services, member.app, 9, 0)
    return hook.identifier, channel, channels.rules_of(hook, channel)


def test_a_channel_is_made_tried_paused_changed_and_removed(client, services, member, path, sink):
    made = press(client, path, kind="mattermost", address=sink.url, name=HOSTILE, new="yes", spike="yes", times="2.5",
                 at_least="30", users_over="yes", users="50", quiet_hours="yes", from_hour="23", until_hour="6",
                 time_zone="Asia/Tokyo", summary_hour="8")  # fmt: skip
    assert "The channel is made" in said(client, made)
    identifier, channel, rules = one(services, member)
    assert rules.model_dump() == {
        **rules.model_dump(), "new": True, "spike": {"times": 2.5, "at_least": 30}, "users_over": 50,
        "summary_daily": False, "summary_weekly": False,
    }  # fmt: skip
    assert (channel.quiet_from, channel.quiet_until, channel.time_zone, channel.summary_hour) == (
        23,
        6,
        "Asia/Tokyo",
        8,
    )

    assert "on its way" in said(client, press(client, f"{path}/{identifier}/test"))
    deliver_due(services)
    page = Page(client.get(f"{path}/{identifier}").text)
    assert len(sink.got) == 1
    assert "delivered" in page.text
    assert "<script>alert" in page.text
    assert sink.url not in client.get(f"{path}/{identifier}").text + client.get(path).text

    assert "paused" in said(client, press(client, f"{path}/{identifier}/active"))
    assert "is paused; make it active first" in said(client, press(client, f"{path}/{identifier}/test"))
    assert "is active" in said(client, press(client, f"{path}/{identifier}/active", active="yes"))
    assert "Saved." in said(
        client,
        press(client, f"{path}/{identifier}", name="Room", new="yes", environment="production", summary_hour="8"),
    )
    _, channel, rules = one(services, member)
    assert (channel.name, channel.quiet_from, rules.spike) == ("Room", None, None)
    assert (rules.new, rules.environment) == (True, "production")
    assert "in production" in Page(client.get(path).text).text
    assert "The channel is deleted." in said(client, press(client, f"{path}/{identifier}/delete"))
    assert channels.page(services, member.app, 9, 0) == []


@pytest.mark.parametrize(
    ("fields", "where"),
    [({"kind": "slack", "address": "http://10.0.0.1/"}, "address"), ({"kind": "email", "address": "ada"}, "address"),
     ({"kind": "pager", "address": "x"}, "kind"), ({"users_over": "yes", "users": "many"}, "rules"),
     ({"time_zone": "Paris"}, "time_zone"), ({"summary_hour": ""}, "summary_hour"),
     ({"quiet_hours": "yes", "from_hour": "25"}, "quiet_hours")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_on_the_page_and_what_was_typed_stays(
    client, services, member, path, fields, where
):
    answer = press(client, path, **{"kind": "webhook", "address": "http://127.0.0.1:9/", "name": "Kept", **fields})

    assert answer.status_code in (400, 409), where
    assert "field-problem" in answer.text
    assert 'value="Kept"' in answer.text
    assert channels.page(services, member.app, 9, 0) == []


def test_the_secret_of_a_webhook_is_shown_once_and_each_kind_is_offered(client, path):
    made = press(client, path, kind="webhook", address="http://127.0.0.1:9/", new="yes")
    again = client.get(path).text

    assert made.status_code == 201
    assert "whsec_" in made.text
    assert "whsec_" not in again
    assert {option["value"] for option in Page(again).all("option")} == set(CHANNELS)
