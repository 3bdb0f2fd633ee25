"""openapi.json is valid, names every route and no other, and every real answer is as it says."""

import re

import pytest
from openapi_spec_validator import validate

from app import create_app
from app.identity.access import Access
from app.web.api import RESOURCES
from tests import openapi
from tests.factories import PASSWORD, kscrash, make_crash, make_member
from tests.sentry_events import sentry_event
from tests.uploads import digested, export_url

SOME_RULES = {"patterns": ["email"], "regexes": [{"name": "staff", "regex": "S-[0-9]+"}], "fields": ["user.email"]}

DIFS = {
    "2ef7bde608ce5404e97d5f042f95f89f1c232871": {
        "name": "Notes",
        "chunks": ["2ef7bde608ce5404e97d5f042f95f89f1c232871"],
    }
}

AS_ROLES = (Access.VIEWER, Access.MEMBER, Access.OWNER)

KNOWN_TO_GENERATORS = {"application/json", "application/octet-stream", "multipart/form-data",
                       "application/x-www-form-urlencoded", "text/plain", "text/html", "text/event-stream"}  # fmt: skip

OF_EVERY_ANSWER = {"Content-Type", "Content-Length", "X-Content-Type-Options", "Content-Security-Policy",
                   "Cross-Origin-Resource-Policy"}  # fmt: skip


@pytest.fixture
def document(client) -> dict:
    return client.get("/api/openapi.json").json


def test_the_document_is_valid_openapi(document):
    validate(document)

    assert document["openapi"].startswith("3.1")


def test_it_describes_every_route_and_no_other(services, document):
    flask = create_app(services)
    routed = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in flask.url_map.iter_rules()
        if not rule.endpoint.startswith("console.")  # pages are for people
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert {(method, path) for path, item in document["paths"].items() for method in item} == routed


def test_every_operation_has_a_name_of_its_own_and_declares_the_parts_of_its_path(document):
    operations = list(openapi.operations(document))
    names = [operation["operationId"] for _, _, operation in operations]

    assert len(names) == len(set(names))
    for _, path, operation in operations:
        parameters = [openapi.resolved(document, parameter) for parameter in operation.get("parameters", [])]
        assert {parameter["name"] for parameter in parameters if parameter["in"] == "path"} == set(
            re.findall(r"\{(\w+)\}", path)
        )


def test_every_operation_says_what_it_is_about_and_may_fail(document):
    tags = {tag["name"] for tag in document["tags"]}

    for _, path, operation in openapi.operations(document):
        assert operation["summary"], path
        assert set(operation["tags"]) <= tags
        assert {"500", "503"} <= set(operation["responses"])
        assert operation.get("security") == [] or {"401"} <= set(operation["responses"]), path


def test_every_operation_declares_who_may_call_it():
    operations = [one for resource in RESOURCES for one in resource.operations]

    assert [
        one.name for one in operations if one.access is None
    ] == []  # `access=`, of the resource or of the operation
    assert [one.name for one in operations if (one.access is Access.OPEN) != one.is_open] == []
    of_apps = [one for one in operations if {"app_identifier", "crash_identifier"} & set(one.variables)]
    assert [one.name for one in of_apps if one.access not in (*AS_ROLES, Access.SENDER)] == []


def test_every_body_has_a_media_type_that_generators_of_clients_know(document):
    bodies = [
        (path, set(holder["content"]))
        for _, path, operation in openapi.operations(document)
        for holder in (operation.get("requestBody", {}), *operation["responses"].values())
        if "content" in holder
    ]

    assert [(path, media) for path, media in bodies if not media & KNOWN_TO_GENERATORS] == []
    assert len(bodies) > 70


def test_every_body_parameter_and_header_has_an_example_of_what_it_describes(document):
    found = {}
    for method, path, operation in openapi.operations(document):
        for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
            for media, content in openapi.resolved(document, holder).get("content", {}).items():
                if media == "application/json":
                    found[method, path, content["schema"].get("$ref", id(content))] = content
        for parameter in operation.get("parameters", []):
            made = openapi.resolved(document, parameter)
            found[path, made["name"]] = made
    found |= document["components"]["headers"]

    for where, holder in found.items():
        several = [named["value"] for named in holder.get("examples", {}).values()]
        examples = [holder["example"]] if "example" in holder else several
        assert examples, f"{where} has no example: app/web/api/openapi/examples.py"
        for example in examples:
            problems = list(openapi.validator(document, holder["schema"]).iter_errors(example))
            assert (where, example, problems) == (where, example, [])
    assert len(found) > 100


def test_every_real_answer_is_as_described(client, services, member, document, run_workers):
    stranger = make_member(services, "mallory@example.com")
    crash = make_crash(services, member.app)
    hidden = make_crash(services, stranger.app)
    log = digested(client, member, run_workers)
    rejected = digested(client, member, run_workers, b"nothing", "rejected")
    listing, export = f"/api/crashes/{crash.identifier}/occurrences", export_url(log)
    listed, exported = (client.get(url, headers=member.headers).json["job_id"] for url in (listing, export))
    run_workers()
    cancelled = client.get(f"{listing}?page=9", headers=member.headers).json["job_id"]
    client.delete(f"/api/jobs/{cancelled}", headers=member.headers)
    link = client.get(export, headers=member.headers).json["result"]["url"].removeprefix("http://localhost")
    app_url, auth = f"/api/apps/{member.app.identifier}", member.headers
    for_sentry = {"X-Sentry-Auth": f"Sentry sentry_key={member.ingest_key}"}
    etag = client.get(listing, headers=auth).headers["ETag"]
    exporter = {"name": "Nightly", "apps": [member.app.identifier], "bucket_name": "archive"}
    hooks, wanted = f"{app_url}/webhooks", {"url": "http://127.0.0.1/", "events": ["crash.new"]}
    channels, channel = f"{app_url}/notifications", {"kind": "webhook", "address": "https://1.1.1.1/", "rules": {}}
    requests = [
        ("post", "/api/login", {"json": {"email": member.email, "password": PASSWORD}}, 200),
        ("post", f"/api/{member.app.id}/envelope/", {"data": b"x", "headers": for_sentry}, 400),
        ("post", f"/api/{member.app.id}/store/", {"data": b"{}"}, 401),
        ("post", f"/api/{member.app.id}/store/", {"data": sentry_event("ada"), "headers": for_sentry}, 200),
        ("post", "/api/login", {"json": {"email": member.email, "password": "x"}}, 401),
        ("post", "/api/login", {"data": b"x"}, 400),
        ("post", "/api/login", {"data": b"x" * 20_000}, 413),
        ("delete", "/api/login", {}, 401),
        ("get", "/api/apps", {"headers": auth}, 200),
        ("get", "/api/apps?page=x", {"headers": auth}, 400),
        ("get", "/api/apps", {}, 401),
        ("get", f"{app_url}/crashes", {"headers": auth}, 200),
        ("get", f"{app_url}/crashes?sort=x", {"headers": auth}, 400),
        ("patch", f"/api/crashes/{crash.identifier}", {"headers": auth, "json": {"state": "ignored"}}, 200),
        ("patch", f"/api/crashes/{crash.identifier}", {"headers": auth, "json": {}}, 400),
        ("patch", f"{app_url}/crashes", {"headers": auth, "json": {"identifiers": ["x"], "state": "open"}}, 200),
        ("post", f"/api/crashes/{crash.identifier}/comments", {"headers": auth, "json": {"text": "a"}}, 201),
        ("get", f"/api/crashes/{crash.identifier}/comments", {"headers": auth}, 200),
        ("delete", f"/api/crashes/{crash.identifier}/comments/x", {"headers": auth}, 404),
        ("get", f"/api/crashes/{crash.identifier}/history", {"headers": auth}, 200),
        ("get", "/api/apps/x/crashes", {"headers": auth}, 404),
        ("post", f"{app_url}/logs?log_id=a", {"headers": auth, "data": kscrash()}, 202),
        ("post", f"{app_url}/logs?log_id=a", {"headers": auth, "data": b"other"}, 409),
        ("post", f"{app_url}/logs", {"headers": auth}, 400),
        ("post", f"{app_url}/logs", {"headers": {**auth, "Content-Encoding": "compress"}, "data": b"x"}, 415),
        ("post", f"{app_url}/logs", {"data": b"x"}, 401),
        ("post", "/api/apps/x/logs", {"headers": auth, "data": b"x"}, 404),
        ("get", f"{app_url}/logs/{log['log_id']}", {"headers": auth}, 200),
        ("get", f"{app_url}/logs/{rejected['log_id']}", {"headers": auth}, 200),
        ("get", f"{app_url}/logs/unknown", {"headers": auth}, 404),
        ("get", listing, {"headers": auth}, 200),
        ("get", f"{listing}?page=2", {"headers": auth}, 200),
        ("get", f"{listing}?page=x", {"headers": auth}, 400),
        ("get", listing, {"headers": {**auth, "If-None-Match": etag}}, 304),
        ("get", f"{listing}?page=9&job_id={cancelled}", {"headers": auth}, 410),
        ("get", f"/api/crashes/{hidden.identifier}/occurrences", {"headers": auth}, 404),
        ("get", listing, {}, 401),
        ("get", export, {"headers": auth}, 200),
        ("get", f"{export}&format=html", {"headers": auth}, 200),
        ("get", f"{export}&format=pdf", {"headers": auth}, 400),
        ("get", "/api/jobs", {"headers": auth}, 200),
        ("get", f"/api/jobs/{exported}", {"headers": auth}, 200),
        ("get", "/api/jobs/x", {"headers": auth}, 404),
        ("get", f"/api/jobs/{exported}/events", {"headers": auth}, 200),
        ("get", "/api/jobs/x/events", {"headers": auth}, 404),
        ("delete", "/api/jobs/x", {"headers": auth}, 404),
        ("delete", f"/api/jobs/{listed}", {"headers": auth}, 200),
        ("get", link, {}, 200),
        ("get", link, {"headers": {"Range": "bytes=0-1"}}, 206),
        ("get", link, {"headers": {"Range": "bytes=99999999-"}}, 416),
        ("get", "/api/downloads/x", {}, 404),
        ("get", f"{app_url}/settings", {"headers": auth}, 200),
        ("patch", f"{app_url}/settings", {"headers": auth, "json": {"keep_logs_days": 90}}, 200),
        ("patch", f"{app_url}/settings", {"headers": auth, "json": {"redaction": SOME_RULES}}, 200),
        ("patch", f"{app_url}/settings", {"headers": auth, "json": {"keep_logs_days": 0}}, 400),
        ("patch", f"{app_url}/settings", {"headers": auth, "data": b"x" * 70_000}, 413),
        ("delete", f"{app_url}/users/somebody", {"headers": auth}, 202),
        ("delete", f"{app_url}/users/x?scan=true", {"headers": auth}, 400),
        ("get", f"{app_url}/erasures", {"headers": auth}, 200),
        ("get", f"{app_url}/erasures/x", {"headers": auth}, 404),
        ("get", f"{app_url}/regroup", {"headers": auth}, 200),
        ("post", f"{app_url}/regroup", {"headers": auth, "json": {"anew": True}}, 202),
        ("get", f"{app_url}/regroup", {"headers": auth}, 200),
        ("post", f"{app_url}/regroup", {"headers": auth, "json": {"again": True}}, 400),
        ("get", "/api/openapi.json", {}, 200),
        ("get", "/docs", {}, 200),
        ("get", "/healthz", {}, 200),
        ("get", "/readyz", {}, 503),
        ("get", "/metrics", {}, 200),
        ("post", hooks, {"headers": auth, "json": wanted}, 400),
        ("post", hooks, {"headers": auth, "json": {**wanted, "url": "https://1.1.1.1/"}}, 201),
        ("get", hooks, {"headers": auth}, 200),
        ("post", channels, {"headers": auth, "json": channel}, 201),
        ("post", channels, {"headers": auth, "json": {**channel, "kind": "email", "address": "ada@example.com"}}, 409),
        ("get", channels, {"headers": auth}, 200),
        ("post", "/api/data_exporters", {"headers": auth, "json": {}}, 400),
        ("post", "/api/data_exporters", {"headers": auth, "json": exporter}, 201),
        ("get", "/api/data_exporters", {"headers": auth}, 200),
        ("post", f"{app_url}/symbols?name=mapping.txt&version=1.2", {"headers": auth, "data": b"a"}, 202),
        ("post", f"{app_url}/symbols", {"headers": auth}, 400),
        ("get", f"{app_url}/symbols", {"headers": auth}, 200),
        ("get", f"{app_url}/symbols/x", {"headers": auth}, 404),
        ("delete", f"{app_url}/symbols/x", {"headers": auth}, 404),
        ("get", "/api/0/organizations/any/chunk-upload/", {"headers": auth}, 200),
        ("get", "/api/0/organizations/any/chunk-upload/", {}, 401),
        ("post", "/api/0/organizations/any/chunk-upload/", {"headers": auth, "data": b"x"}, 400),
        ("post", f"/api/0/projects/any/{member.app.id}/files/difs/assemble/", {"headers": auth, "json": DIFS}, 200),
        ("post", "/api/0/projects/any/0/files/difs/assemble/", {"headers": auth, "json": DIFS}, 404),
        ("post", "/api/0/organizations/any/artifactbundle/assemble/", {"headers": auth, "json": {}}, 400),
        ("get", f"{app_url}/upload_keys", {"headers": auth}, 200),
        ("post", f"{app_url}/upload_keys", {"headers": auth, "json": {"name": "CI"}}, 201),
        ("delete", f"{app_url}/upload_keys/x", {"headers": auth}, 404),
        ("get", f"{app_url}/logs?per_page=1", {"headers": auth}, 200),
        ("get", f"{app_url}/logs?status=x", {"headers": auth}, 400),
        ("post", f"{app_url}/logs/{rejected['log_id']}/digest", {"headers": auth}, 409),  # a user is being erased
        ("get", f"{app_url}/logs/{log['log_id']}/raw", {"headers": auth}, 409),  # the app redacts by now
        ("get", "/api/jobs?state=x", {"headers": auth}, 400),
        ("post", f"/api/jobs/{cancelled}/retry", {"headers": auth}, 202),
        ("post", f"/api/jobs/{exported}/retry", {"headers": auth}, 409),
        ("post", "/api/jobs/x/retry", {"headers": auth}, 404),
        ("post", f"{app_url}/settings/try", {"headers": auth, "json": {"text": "a"}}, 200),
        ("post", f"{app_url}/settings/try", {"headers": auth, "json": {}}, 400),
        ("get", f"{app_url}/members", {"headers": auth}, 200),
        ("get", f"{app_url}/audit", {"headers": auth}, 200),
        ("post", f"{app_url}/members", {"headers": auth, "json": {"email": "mallory@example.com"}}, 201),
        ("post", f"{app_url}/members", {"headers": auth, "json": {"email": "nobody@example.com"}}, 404),
        ("delete", f"{app_url}/members/mallory@example.com", {"headers": auth}, 200),
        ("delete", f"{app_url}/members/{member.email}", {"headers": auth}, 409),
        ("get", f"{app_url}/keys", {"headers": auth}, 200),
        ("post", f"{app_url}/keys", {"headers": auth, "json": {"name": "Two"}}, 201),
        ("delete", f"{app_url}/keys/x", {"headers": auth}, 404),
        ("post", "/api/tokens", {"headers": auth, "json": {"name": "Script"}}, 201),
        ("post", "/api/tokens", {"headers": auth, "json": {}}, 400),
        ("get", "/api/tokens", {"headers": auth}, 200),
        ("delete", "/api/tokens/x", {"headers": auth}, 404),
        ("delete", "/api/login", {"headers": auth}, 200),
    ]

    for method, path, options, status in requests:
        answer = getattr(client, method)(path, **options)
        assert (path, answer.status_code) == (path, status)
        told = openapi.described(document, method, path.partition("?")[0], status)
        content = told.get("content", {})
        if "application/json" in content:
            problems = list(openapi.validator(document, content["application/json"]["schema"]).iter_errors(answer.json))
            assert (path, problems) == (path, [])
        elif content and "*/*" not in content:
            assert answer.mimetype in content
        assert (path, set(answer.headers.keys()) - OF_EVERY_ANSWER - set(told["headers"])) == (path, set())


def test_the_document_is_also_a_page_for_people(client, document):
    page = client.get("/docs")

    assert page.mimetype == "text/html"
    assert [path for path in document["paths"] if path not in page.text] == []
