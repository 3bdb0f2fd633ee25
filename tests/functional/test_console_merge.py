"""Two crashes made one on a crash's page, and parted again."""

import pytest

from app.identity.accounts import app_for_operator, create_app_for
from tests.console import OWN, Page, press, said, sign_in
from tests.factories import make_crash, make_member
from tests.regrouping import counted, crash_of, send


@pytest.fixture
def two(services, client, member, run_workers):
    """Crash A with two occurrences, crash B with one, and their member signed in."""
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    sign_in(client, member)
    return crash_of(services, "log-0"), crash_of(services, "log-2")


def merge_path(crash) -> str:
    return f"/crashes/{crash.identifier}/merge"


@pytest.mark.parametrize(
    "named", ["{}", "  {} ", "http://localhost/crashes/{}?since_date=2018-09-01#report", "/crashes/{}"]
)
def test_a_crash_is_merged_into_the_one_that_its_identifier_or_its_address_names(
    services, client, two, run_workers, named
):
    one, other = two

    answer = press(client, merge_path(one), into=named.format(other.identifier))

    assert answer.location == f"/crashes/{other.identifier}"
    page = client.get(answer.location).text
    assert "The two are one crash now" in page
    assert "moving" in page
    run_workers()
    assert counted(services)[other.identifier] == 3


def test_what_was_merged_is_split_off_again(services, client, two, run_workers):
    one, other = two
    press(client, merge_path(one), into=other.identifier)
    run_workers()
    page = Page(client.get(f"/crashes/{other.identifier}").text)
    [form] = [form for form in page.all("form") if (form.get("action") or "").endswith("/split")]
    [fingerprint] = [field["value"] for field in page.all("input") if field.get("name") == "fingerprint"]

    told = said(client, press(client, form["action"], fingerprint=fingerprint))
    run_workers()

    assert "It is a crash of its own again." in told
    assert counted(services) == {one.identifier: 2, other.identifier: 1}


@pytest.mark.parametrize(
    ("into", "told"),
    [
        ("", "Give the other crash's identifier."),
        ("x", "Nothing is changed. You see no crash with this identifier."),
        ("{foreign}", "Nothing is changed. You see no crash with this identifier."),
        ("{own}", "Nothing is changed. The two are one crash already."),
        ("{elsewhere}", "Nothing is changed. The two crashes are of different apps."),
    ],
)
def test_what_cannot_be_merged_says_why_and_stays(services, client, member, two, into, told):
    identifier, _ = create_app_for(services, "Second", member.email)
    names = {
        "{foreign}": make_crash(services, make_member(services, "eve@example.com").app).identifier,
        "{own}": two[0].identifier,
        "{elsewhere}": make_crash(services, app_for_operator(services, identifier)).identifier,
    }

    answer = press(client, merge_path(two[0]), into=names.get(into, into))

    assert answer.location == f"/crashes/{two[0].identifier}"
    assert services.broker.messages == []
    assert told in said(client, answer)


def test_a_group_that_was_never_merged_cannot_be_split_off(client, two):
    answer = press(client, f"/crashes/{two[0].identifier}/split", fingerprint="0" * 32)

    assert "Nothing is changed. No group with this fingerprint was merged into this crash." in said(client, answer)


@pytest.mark.parametrize("what", ["merge", "split"])
def test_only_a_member_with_the_proof_decides(services, client, two, what):
    path = f"/crashes/{two[0].identifier}/{what}"
    fields = {"into": two[1].identifier, "fingerprint": two[1].fingerprint}
    stranger = sign_in(client.application.test_client(), make_member(services, "eve@example.com"))

    assert client.post(path, data=fields, headers=OWN).status_code == 401
    assert press(stranger, path, **fields).status_code == 404
    assert services.broker.messages == []
