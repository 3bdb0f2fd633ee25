"""The apps that a user may see."""

from app.identity import accounts
from tests.factories import join, make_member


def test_a_user_sees_the_apps_of_their_memberships_by_name(client, services, member):
    accounts.create_app_for(services, "Zoo", member.email)
    accounts.create_app_for(services, "Atlas", member.email)
    make_member(services, "mallory@example.com", "Secret")

    answer = client.get("/api/apps", headers=member.headers)

    assert [app["name"] for app in answer.json["result"]] == ["Atlas", "Notes", "Zoo"]
    assert answer.json["result"][1] == {
        "identifier": member.app.identifier, "name": "Notes", "created_at": "2018-09-13T12:00:00Z"
    }  # fmt: skip


def test_apps_come_in_pages_with_a_link_to_the_next(client, services, member):
    for name in ("A", "B", "C"):
        accounts.create_app_for(services, name, member.email)

    first = client.get("/api/apps?per_page=3", headers=member.headers)
    second = client.get("/api/apps?per_page=3&page=2", headers=member.headers)

    assert [app["name"] for app in first.json["result"]] == ["A", "B", "C"]
    assert first.headers["Link"] == '</api/apps?per_page=3&page=2>; rel="next"'
    assert [app["name"] for app in second.json["result"]] == ["Notes"]
    assert "Link" not in second.headers


def test_a_page_beyond_the_last_is_empty(client, member):
    for page in (2, 10**18, 10**30):
        assert client.get(f"/api/apps?page={page}", headers=member.headers).json["result"] == []


def test_a_new_member_sees_the_app(client, services, member):
    other = join(services, "bob@example.com", member.app)

    assert member.app.identifier in [
        app["identifier"] for app in client.get("/api/apps", headers=other.headers).json["result"]
    ]


def test_without_a_token_there_is_nothing_to_see(client, member):
    assert client.get("/api/apps").status_code == 401


def test_a_name_that_nobody_sees_or_that_shows_others_wrongly_is_refused(client, member):
    url = f"/api/apps/{member.app.identifier}"

    for name in ("\u200b", "\u3164", "\u2800 \u00ad", "Notes\u202e", "\u2066Notes"):
        assert client.patch(url, json={"name": name}, headers=member.headers).status_code == 400, ascii(name)
    assert (
        client.patch(url, json={"name": "\u0639\u0631 \U0001f468\u200d\U0001f469"}, headers=member.headers).status_code
        == 200
    )
