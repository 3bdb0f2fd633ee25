"""Upload keys of an app on a page of the console."""

import re

from tests.console import Page, press, said, sign_in


def test_a_key_is_made_shown_once_with_the_commands_and_revoked(client, member):
    sign_in(client, member)
    path = f"/apps/{member.app.identifier}/settings/upload-keys"

    made = press(client, path, name="CI")
    [key] = set(re.findall(r"SENTRY_AUTH_TOKEN=([0-9a-f]{64})", made.text))
    bearer = {"Authorization": f"Bearer {key}"}
    taken = client.get("/api/0/organizations/any/chunk-upload/", headers=bearer)
    again = client.get(path)
    [form] = [form["action"] for form in Page(again.text).all("form") if "/revoke" in form.get("action", "")]
    revoked = press(client, form)

    assert (made.status_code, made.text.count(key)) == (201, 3)
    assert taken.status_code == 200
    assert key not in again.text
    assert f"SENTRY_PROJECT={member.app.identifier}" in again.text
    assert "revoked" in said(client, revoked)
    assert client.get("/api/0/organizations/any/chunk-upload/", headers=bearer).status_code == 401


def test_a_key_without_a_name_is_refused_beside_the_field(client, member):
    sign_in(client, member)

    answer = press(client, f"/apps/{member.app.identifier}/settings/upload-keys", name=" ")

    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.text
