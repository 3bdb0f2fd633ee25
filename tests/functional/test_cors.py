"""Pages of listed origins may use the API with a token; all others, and cookies, may not."""

from dataclasses import replace

import pytest

from app import create_app
from app.web.api.cors import ALLOWED, EXPOSED
from tests.factories import make_crash
from tests.openapi import operations, resolved
from tests.uploads import digested, export_url

OURS, OTHER, STRANGE = "https://panel.example.com", "http://localhost:5173", "https://evil.example.com"
SAFELISTED = {"Cache-Control", "Content-Length", "Expires", "Last-Modified"}  # every page may read these
FOR_SENTRY = {"X-Sentry-Error", "X-Sentry-Rate-Limits", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}
NOBODYS = {"Vary", "X-Accel-Buffering"}  # for caches and proxies


@pytest.fixture
def services(services):
    config = replace(services.config, cors_origins=(OURS, OTHER), web_concurrency=1, repeat_for=60_000)
    return replace(services, config=config)


def preflight(client, path: str, origin: str = OURS, method: str = "GET"):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    return client.options(path, headers=asked)


def shared_with(answer) -> str | None:
    return answer.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize("path", ["/api/apps", "/api/jobs/x/events", "/api/downloads/x", "/api/nowhere"])
def test_a_listed_origin_may_ask_with_a_token_and_the_headers_of_polling(client, path):
    answer = preflight(client, path)

    assert (answer.status_code, answer.data, shared_with(answer)) == (204, b"", OURS)
    assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == ", ".join(ALLOWED)
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        STRANGE,
        "null",
        "*",
        "",
        OURS.upper(),
        f"{OURS}/",
        f"{OURS}.evil.example.com",
        "http://panel.example.com",
        f"{OURS}:8443",
    ],
)
def test_any_other_origin_is_told_nothing(client, member, origin):
    asked = preflight(client, "/api/apps", origin)
    answer = client.get("/api/apps", headers={**member.headers, "Origin": origin})

    assert [name for name in (*asked.headers.keys(), *answer.headers.keys()) if name.startswith("Access-Control")] == []
    assert (answer.status_code, answer.headers["Vary"]) == (200, "Origin")


def test_answers_errors_streams_and_downloads_are_shared_alike(client, member, run_workers):
    auth = {**member.headers, "Origin": OURS}
    export = export_url(digested(client, member, run_workers))
    job_id = client.get(export, headers=auth).json["job_id"]
    stream = client.get(f"/api/jobs/{job_id}/events", headers=auth, buffered=False)
    run_workers()
    finished = client.get(export, headers=auth)
    link = finished.json["result"]["url"].removeprefix("http://localhost")
    answers = [
        stream, finished, client.get(export, headers={**auth, "If-None-Match": finished.headers["ETag"]}),
        client.get(link, headers={"Origin": OURS}), client.get(link, headers={"Origin": OURS, "Range": "bytes=0-9"}),
        client.get("/api/apps", headers={"Origin": OURS}), client.get("/api/nowhere", headers=auth),
        client.put("/api/apps", headers=auth), client.get(f"/api/jobs/{'0' * 24}", headers=auth),
        client.post(f"/api/apps/{member.app.identifier}/logs", headers=auth), client.get("/api/openapi.json", headers=auth),
    ]  # fmt: skip

    assert [answer.status_code for answer in answers] == [200, 200, 304, 200, 206, 401, 404, 405, 404, 400, 200]
    for answer in answers:
        assert (answer.request.path, shared_with(answer)) == (answer.request.path, OURS)
        assert answer.headers["Access-Control-Expose-Headers"] == ", ".join(EXPOSED)
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
        answer.close()


def test_an_answer_that_is_repeated_names_the_origin_that_asks_now(client, services, member, run_workers):
    url = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"
    client.get(url, headers=member.headers)
    run_workers()

    repeated = [
        client.get(url, headers={**member.headers, **({"Origin": origin} if origin else {})})
        for origin in (OURS, OTHER, None, STRANGE, OURS)
    ]

    assert {answer.data for answer in repeated} == {repeated[0].data}
    assert [shared_with(answer) for answer in repeated] == [OURS, OTHER, None, None, OURS]


def test_every_header_that_the_api_describes_may_be_read(client):
    document = client.get("/api/openapi.json").json
    told = {
        name for _, _, operation in operations(document) for answer in operation["responses"].values()
        for name in resolved(document, answer).get("headers", {})
    }  # fmt: skip

    assert told - SAFELISTED - FOR_SENTRY - NOBODYS == set(EXPOSED)


def test_what_is_not_the_api_is_nobodys_else(client):
    for path in ("/healthz", "/docs", "/metrics"):
        answer = client.get(path, headers={"Origin": OURS})
        assert (answer.status_code, shared_with(answer)) == (200, None)


def test_what_sentrys_sdks_send_may_come_from_anywhere_as_before(client):
    answer = client.options("/api/1/envelope/", headers={"Origin": STRANGE, "Access-Control-Request-Method": "POST"})

    assert (answer.status_code, shared_with(answer)) == (200, "*")


def test_without_a_list_nobody_is_told_anything(services, member):
    closed = create_app(replace(services, config=replace(services.config, cors_origins=()))).test_client()

    answers = [
        preflight(closed, "/api/apps"), closed.get("/api/apps", headers={**member.headers, "Origin": OURS}),
    ]  # fmt: skip

    for answer in answers:
        assert [name for name, _ in answer.headers if name.startswith("Access-Control") or name == "Vary"] == []
