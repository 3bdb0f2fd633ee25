"""Users, apps and their keys (both databases)."""

import re

import pytest

from app.errors import BadParameters, Conflict, NotFound, Unauthorized
from app.identity import accounts
from tests.factories import PASSWORD, make_member


def test_a_new_user_can_log_in_and_owns_what_they_add(services):
    accounts.create_user(services, "Ada@Example.com", PASSWORD)
    identifier, key = accounts.create_app_for(services, "  Notes  ", "ada@example.com")

    user_id = accounts.user_of(services, accounts.log_in(services, "ada@example.com", PASSWORD))

    assert re.fullmatch(r"[0-9a-f]{24}", identifier)
    assert accounts.app_for_user(services, identifier, user_id).name == "Notes"
    assert accounts.app_for_sender(services, identifier, key).identifier == identifier


def test_the_same_e_mail_in_any_case_is_taken(services, member):
    with pytest.raises(Conflict):
        accounts.create_user(services, member.email.upper(), PASSWORD)


@pytest.mark.parametrize("email", ["", "ada", "a@b\0", "a@\ud800", "x" * 250 + "@b.cd", "a b@c"])
def test_what_is_no_e_mail_is_refused(services, email):
    with pytest.raises(BadParameters, match="email"):
        accounts.create_user(services, email, PASSWORD)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 1_025, "correct\0horse", "\ud800" * 8])
def test_a_password_too_short_too_long_or_unstorable_is_refused(services, password):
    with pytest.raises(BadParameters, match="password"):
        accounts.create_user(services, "ada@example.com", password)


@pytest.mark.parametrize("password", ["12345678", "x" * 1_024, "пароль пароль", "🔑" * 8])
def test_any_other_password_works(services, password):
    accounts.create_user(services, "ada@example.com", password)

    assert accounts.log_in(services, "ada@example.com", password)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\0b", "a\nb", "\ud800"])
def test_a_senseless_name_of_an_app_is_refused(services, member, name):
    with pytest.raises(BadParameters, match="name"):
        accounts.create_app_for(services, name, member.email)


@pytest.mark.parametrize("owner", ["nobody@example.com", "\0", "\ud800"])
def test_an_app_needs_an_owner_who_is_there(services, owner):
    with pytest.raises(NotFound):
        accounts.create_app_for(services, "Notes", owner)


def test_an_ingest_key_opens_its_own_app_only(services, member):
    other = make_member(services, "bob@example.com")

    with pytest.raises(NotFound):
        accounts.app_for_sender(services, other.app.identifier, member.ingest_key)
    with pytest.raises(Unauthorized):
        accounts.user_of(services, member.ingest_key)


def test_an_operator_finds_every_app_and_is_told_of_an_unknown_one(services, member):
    assert accounts.app_for_operator(services, member.app.identifier).id == member.app.id
    with pytest.raises(NotFound, match="crashq app add"):
        accounts.app_for_operator(services, "0" * 24)


def test_a_dsn_leads_its_key_to_its_app_and_no_other(services, member):
    other = make_member(services, "eve@example.com", "Atlas")

    dsn = accounts.dsn(services, member.app.identifier, member.ingest_key)
    project = int(dsn.rpartition("/")[2])
    found = accounts.app_for_project(services, project, member.ingest_key, "a-log")

    assert dsn == f"http://{member.ingest_key}@localhost:8000/{member.app.id}"
    assert (found.identifier, found.known) == (member.app.identifier, None)
    with pytest.raises(NotFound):
        accounts.app_for_project(services, other.app.id, member.ingest_key, "a-log")
    with pytest.raises(NotFound):
        accounts.app_for_project(services, 2**40, member.ingest_key, "a-log")
    with pytest.raises(Unauthorized):
        accounts.app_for_project(services, project, member.token, "a-log")
