"""Logs of an app as pages: listed, searched, sent by a form, digested again."""

import io
from dataclasses import replace

import pytest
from sqlalchemy import update

from app import create_app
from app.db.models.log import Log
from tests.console import HOSTILE, OWN, Page, press, sign_in
from tests.factories import kscrash, make_member
from tests.uploads import digested


@pytest.fixture
def path(client, member) -> str:
    sign_in(client, member)
    return f"/apps/{member.app.identifier}/logs"


def names(client, address: str) -> list[str]:
    links = [link["href"].rpartition("/")[2] for link in Page(client.get(address).text).all("a") if "data-row" in link]
    return [name for name in ("good", "bad", "waiting") if name in links]


def test_logs_are_listed_with_state_and_reason(client, member, path, run_workers):
    digested(client, member, run_workers, log_id="good")
    digested(client, member, run_workers, b"nothing", "bad")
    client.post(f"/api{path}?log_id=waiting", data=kscrash(), headers=member.sender)

    page = client.get(path).text

    assert names(client, path) == ["good", "bad", "waiting"]
    assert client.get(f"/api{path}/bad", headers=member.headers).json["result"]["error_message"] in page
    assert {status: names(client, f"{path}?status={status}") for status in ("received", "digested", "rejected")} == {
        "received": ["waiting"], "digested": ["good"], "rejected": ["bad"],
    }  # fmt: skip


def test_a_log_is_found_by_how_its_name_begins(client, member, path, run_workers):
    digested(client, member, run_workers, log_id="good")
    digested(client, member, run_workers, b"nothing", "bad")

    assert names(client, f"{path}?log_id=go") == ["good"]
    assert "No such logs" in client.get(f"{path}?log_id=nobody").text
    assert "A log's name has" in Page(client.get(f"{path}?log_id=%25").text).text


def test_files_of_a_form_become_logs_named_after_them(client, member, path, run_workers):
    files = [(io.BytesIO(kscrash()), "crash 1.json"), (io.BytesIO(b"nothing"), "../../note.txt")]

    answer = press(client, path, log=files)
    run_workers()

    assert answer.status_code == 303
    assert "2 sent." in client.get(path).text
    found = client.get(f"/api{path}", headers=member.headers).json["result"]
    assert sorted((log["log_id"].rpartition("-")[0], log["status"]) for log in found) == [
        ("crash-1", "digested"), ("note", "rejected"),
    ]  # fmt: skip


def test_a_file_that_is_refused_is_named_and_the_others_are_taken(client, member, path):
    answer = press(client, path, log=[(io.BytesIO(b""), "empty.txt"), (io.BytesIO(kscrash()), "good.json")])

    assert answer.status_code == 400
    text = Page(answer.text).text
    assert "1 sent; not these" in text
    assert "empty.txt: The body is empty" in text
    assert len(client.get(f"/api{path}", headers=member.headers).json["result"]) == 1


def test_a_form_without_files_says_so(client, path):
    answer = press(client, path)

    assert (answer.status_code, "Choose at least one file." in answer.text) == (400, True)


def test_a_file_larger_than_a_log_may_be_is_refused_and_a_form_far_larger_too(services, member):
    client = create_app(replace(services, config=replace(services.config, max_log_bytes=1_024))).test_client()
    sign_in(client, member)
    path = f"/apps/{member.app.identifier}/logs"

    a_little = press(client, path, log=[(io.BytesIO(b"x" * 1_025), "large.txt")])
    far = press(client, path, log=[(io.BytesIO(b"x" * 200_000), "large.txt")])

    assert (a_little.status_code, far.status_code) == (400, 413)
    assert "large.txt: The log is larger than" in a_little.text


def test_files_of_nobody_are_not_even_read(client, services, member):
    class Unread(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise AssertionError("the body was read")

    answer = client.post(
        f"/apps/{member.app.identifier}/logs",
        headers={**OWN, "Content-Type": "multipart/form-data; boundary=x"},
        input_stream=Unread(b"x" * 1_000_000),
    )

    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in")


def test_a_form_of_another_page_is_not_taken_at_all(client, member, path):
    answer = client.post(path, data={"csrf": "0" * 64, "log": [(io.BytesIO(kscrash()), "a.json")]}, headers=OWN)

    assert answer.status_code == 401
    assert client.get(f"/api{path}", headers=member.headers).json["result"] == []


def test_a_log_is_shown_with_its_crashes_and_a_download(client, member, path, run_workers):
    log = digested(client, member, run_workers, log_id="good")

    page = Page(client.get(f"{path}/good").text)

    links = [link["href"] for link in page.all("a")]
    assert f"/crashes/{log['occurrences'][0]['crash_identifier']}" in links
    assert f"/api{path}/good/raw" in links
    assert client.get(f"/api{path}/good/raw").data == kscrash()


def test_where_the_app_redacts_there_is_no_download_and_the_page_says_why(client, member, path, run_workers):
    digested(client, member, run_workers, log_id="good")
    client.patch(
        f"/api/apps/{member.app.identifier}/settings",
        json={"redaction": {"patterns": ["email"]}},
        headers=member.headers,
    )

    page = client.get(f"{path}/good").text

    assert "/raw" not in page
    assert "redacts its reports" in page


def test_a_rejected_log_is_digested_again(client, member, path, run_workers):
    digested(client, member, run_workers, b"nothing", "bad")

    answer = press(client, f"{path}/bad/digest")

    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "It waits for a worker again." in page
    assert "Digest again" not in page
    run_workers()
    assert "Digest again" in client.get(f"{path}/bad").text


def test_a_digested_log_says_that_it_is_not_digested_again(client, member, path, run_workers):
    digested(client, member, run_workers, log_id="good")

    answer = press(client, f"{path}/good/digest")

    assert "crashq regroup" in client.get(answer.location).text


def test_another_tenants_logs_are_not_found(client, services, member, path, run_workers):
    digested(client, member, run_workers, b"nothing", "bad")
    stranger = sign_in(client.application.test_client(), make_member(services, "mallory@example.com"))

    assert [stranger.get(address).status_code for address in (path, f"{path}/bad")] == [404, 404]
    assert press(stranger, f"{path}/bad/digest").status_code == 404
    assert press(stranger, path, log=[(io.BytesIO(kscrash()), "a.json")]).status_code == 404
    assert client.get(f"{path}/unknown").status_code == 404


def test_what_a_log_and_a_file_say_is_text(client, services, member, path, run_workers):
    digested(client, member, run_workers, b"nothing", "bad")
    with services.db.write() as session:
        session.execute(update(Log).values(error_message=HOSTILE, format=HOSTILE[:32]))

    pages = [
        client.get(path),
        client.get(f"{path}/bad"),
        press(client, path, log=[(io.BytesIO(b""), f"{HOSTILE}.txt")]),
    ]

    for answer in pages:
        page = Page(answer.text)
        assert "<img src=x onerror=alert(2)>" in page.text
        assert page.all("img") == []
        assert all("src" in script for script in page.all("script"))


def test_an_app_without_logs_says_what_to_do(client, member, path):
    page = client.get(path).text

    assert f"crashq log add --app {member.app.identifier}" in page
