"""Settings of an app as pages: keys and snippets, members, retention, redaction, erasure."""

import pytest

from app.web.console.settings_frame import SECTIONS
from tests.console import HOSTILE, Page, press, said, sign_in
from tests.factories import join, make_member
from tests.uploads import digested


@pytest.fixture
def path(client, member) -> str:
    sign_in(client, member)
    return f"/apps/{member.app.identifier}/settings"


def sections(path: str) -> list[str]:
    """Their addresses; `settings_upload_keys.show` is the page `upload-keys`."""
    pages = (section.endpoint.partition(".")[0].removeprefix("settings_").replace("_", "-") for section in SECTIONS)
    return [path, *(f"{path}/{name}" for name in pages if name != "settings")]


def test_every_section_is_a_page_that_leads_to_the_others(client, path):
    for address in sections(path):
        page = Page(client.get(address).text.partition('<nav class="side"')[2].partition("</nav>")[0])
        assert [link["href"] for link in page.all("a")] == sections(path)
        [current] = [
            link for link in page.all("a") if link.get("aria-current") == "page" and link["href"] in sections(path)[1:]
        ] or [{"href": path}]
        assert current["href"] == address


def test_another_tenants_settings_are_not_found_by_reading_nor_by_forms(client, services, member, path):
    stranger = sign_in(client.application.test_client(), make_member(services, "mallory@example.com"))

    for address in sections(path):
        assert stranger.get(address).status_code == 404
        assert press(stranger, address).status_code in (404, 405)
    for form in ("keys", "keys/x/revoke", "members/remove", "webhooks/x", "webhooks/x/delete", "symbols/x/delete",
                 "notifications/x/delete", "notifications/x/test",
                 "exports/x/active", "exports/x/delete", "upload-keys/x/revoke", "webhooks/x/deliveries/1/replay"):  # fmt: skip
        assert press(stranger, f"{path}/{form}", name="x", email=member.email).status_code == 404
    assert client.get(path).status_code == 200


def test_snippets_hold_the_real_dsn_and_key(client, member, path):
    page = Page(client.get(path).text)

    assert f"http://{member.ingest_key}@localhost/{member.app.id}" in page.text
    assert f"http://localhost/api/apps/{member.app.identifier}/logs" in page.text
    assert page.text.count(member.ingest_key) >= 12
    assert 'MessageHandler("{{' not in page.text
    assert '{{"product", "Notes"}, {"version", "1.2"}}' in page.text


def test_the_address_of_curl_takes_a_log(client, member, path):
    [code] = [line for line in Page(client.get(path).text).text.splitlines() if "/logs" in line and "http" in line]
    address = code.strip().strip('"').removeprefix("http://localhost")

    sent = client.post(address, data=b"x", headers={"Authorization": f"Token {member.ingest_key}"})

    assert sent.status_code == 202


def test_a_key_is_made_shown_in_the_snippets_and_revoked(client, member, path):
    made = press(client, f"{path}/keys", name="Android 2.0")
    [key] = [
        one
        for one in client.get(f"/api{path.replace('settings', 'keys')}").json["result"]
        if one["name"] == "Android 2.0"
    ]
    shown = Page(client.get(made.location).text).text

    revoked = press(client, f"{path}/keys/{key['identifier']}/revoke")

    assert f"http://{key['key']}@localhost/{member.app.id}" in shown
    assert "The key is revoked" in said(client, revoked)
    assert (
        client.post(
            f"/api/apps/{member.app.identifier}/logs", data=b"x", headers={"Authorization": f"Token {key['key']}"}
        ).status_code
        == 401
    )


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\x07b"])
def test_a_key_without_a_sound_name_is_refused_beside_the_field(client, path, name):
    answer = press(client, f"{path}/keys", name=name)

    assert answer.status_code == 400
    [field] = [one for one in Page(answer.text).all("input") if one.get("name") == "name"]
    assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "name-hint")
    assert "It has to have 1 to 100 characters" in answer.text


def test_without_a_known_key_the_snippets_have_a_place_for_it(client, path):
    [key] = client.get(f"/api{path.replace('settings', 'keys')}").json["result"]

    press(client, f"{path}/keys/{key['identifier']}/revoke")

    text = Page(client.get(path).text).text
    assert "http://KEY@localhost/" in text
    assert "There is no key" in text


def test_a_member_is_added_and_removed(client, services, member, path):
    bob = make_member(services, "bob@example.com", "Theirs")
    added = said(client, press(client, f"{path}/members", email="Bob@example.com"))
    seen = sign_in(client.application.test_client(), bob).get(path).status_code

    removed = said(client, press(client, f"{path}/members/remove", email="bob@example.com"))

    assert "bob@example.com sees this app now." in added
    assert seen == 200
    assert "bob@example.com sees this app no more." in removed


def test_a_member_who_leaves_is_led_to_their_other_apps(client, services, member, path):
    join(services, "bob@example.com", member.app)

    answer = press(client, f"{path}/members/remove", email=member.email)

    assert answer.location == "/apps"
    assert client.get(path).status_code == 404


def test_the_last_owner_cannot_go_and_the_page_says_why(client, member, path):
    assert "The last owner cannot go" in said(client, press(client, f"{path}/members/remove", email=member.email))
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("email", "status", "sentence"),
    [("nobody@example.com", 404, "There is no user with this e-mail"), ("", 400, "Give the e-mail"),
     ("ada@example.com", 409, "is a member already"), (HOSTILE, 404, "There is no user")],
)  # fmt: skip
def test_why_a_member_cannot_be_added_stands_beside_the_field(client, path, email, status, sentence):
    answer = press(client, f"{path}/members", email=email)

    page = Page(answer.text)
    assert answer.status_code == status
    assert sentence in page.text
    [field] = [one for one in page.all("input") if one.get("name") == "email" and one["type"] == "email"]
    assert (field["value"], field["aria-invalid"]) == (email, "true")
    assert page.all("img") == []


def test_ages_are_set_and_an_empty_one_is_for_ever(client, member, path):
    given = {"keep_logs_days": "90", "keep_occurrences_days": "365", "keep_reports_days": "", "logs_per_minute": "600"}

    first = said(client, press(client, f"{path}/retention", **given))
    settings = client.get(f"/api{path}").json["result"]
    press(client, f"{path}/retention", keep_logs_days="", keep_occurrences_days="365")

    assert "Saved." in first
    assert {name: settings[name] for name in given} == {
        "keep_logs_days": 90, "keep_occurrences_days": 365, "keep_reports_days": None, "logs_per_minute": 600,
    }  # fmt: skip
    assert client.get(f"/api{path}").json["result"]["keep_logs_days"] is None


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "ten", "36501", "9" * 30, "²", HOSTILE])
def test_an_age_that_makes_no_sense_changes_nothing_and_is_told_beside_its_field(client, path, value):
    answer = press(client, f"{path}/retention", keep_logs_days=value, keep_occurrences_days="7")

    page = Page(answer.text)
    assert answer.status_code == 400
    invalid = [one["name"] for one in page.all("input") if one.get("aria-invalid")]
    assert invalid == ["keep_logs_days"]
    assert "A whole number from 1 to 36,500" in page.text
    assert client.get(f"/api{path}").json["result"]["keep_occurrences_days"] is None


def test_a_user_is_erased_when_the_id_is_typed_twice(client, member, path, run_workers):
    digested(client, member, run_workers)

    begun = said(client, press(client, f"{path}/erasure", user_id="user-12345", again="user-12345", scan="no"))
    [erasure] = client.get(f"/api/apps/{member.app.identifier}/erasures").json["result"]
    run_workers()

    assert "The erasure has begun" in begun
    assert "under way" in begun
    assert "user-12345" not in begun
    assert erasure["scan"] is False
    assert "finished" in Page(client.get(f"{path}/erasure").text).text


@pytest.mark.parametrize(
    ("user", "again", "scan", "where"),
    [("user-12345", "user-1234", "", "again"), ("", "", "", "user_id"), ("a\x07b", "a\x07b", "", "user_id"),
     ("short", "short", "yes", "user_id")],
)  # fmt: skip
def test_an_erasure_that_was_not_meant_or_makes_no_sense_does_not_begin(client, member, path, user, again, scan, where):
    answer = press(client, f"{path}/erasure", user_id=user, again=again, scan=scan)

    assert answer.status_code == 400
    assert [one["name"] for one in Page(answer.text).all("input") if one.get("aria-invalid")] == [where]
    assert client.get(f"/api/apps/{member.app.identifier}/erasures").json["result"] == []
