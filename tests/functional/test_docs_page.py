"""The description of the API for people: all of it on one page that asks nobody else for anything."""

import base64
import gzip
import hashlib
import re
from html import unescape

import pytest

from tests.openapi import operations, resolved


@pytest.fixture
def page(client) -> str:
    return client.get("/docs").text


def test_every_operation_is_told_with_its_parameters_and_what_it_answers(client, page):
    document = client.get("/api/openapi.json").json

    for method, path, operation in operations(document):
        section = page.partition(f'<section class="operation" id="{operation["operationId"]}"')[2].partition(
            "</section>"
        )[0]
        text = unescape(re.sub(r"<[^>]+>", "", section))
        assert f"{method.upper()}{path}" in text
        assert operation["summary"].replace("`", "") in text
        for parameter in operation.get("parameters", []):
            assert resolved(document, parameter)["name"] in text
        for status in operation["responses"]:
            assert status in text
        assert f'href="#{operation["operationId"]}"' in page


def test_what_lies_deep_in_a_body_is_told_by_its_whole_name(page):
    for name in ("result[].progress.total", "result.parts[].sha256", "redaction.regexes[].regex"):
        assert f"<code>{name}</code>" in page


def test_nothing_comes_from_elsewhere_and_only_what_it_brings_may_run(client, page):
    policy = client.get("/docs").headers["Content-Security-Policy"]
    hashes = [
        base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        for content in re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", page, re.DOTALL)
    ]

    assert [link for link in re.findall(r'(?:src|href)="([^"]*)"', page) if not link.startswith(("#", "/"))] == []
    assert re.findall(r"\s(?:style|on\w+)=", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)) == []
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert len(hashes) == 2
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_it_is_as_light_or_dark_as_the_console(client):
    themes = []
    for chosen in ("dark", "light", "neon", '"><script>'):
        client.set_cookie("crashq_theme", chosen)
        themes += re.findall(r"<html[^>]*>", client.get("/docs").text)

    assert themes == [
        '<html lang="en" data-theme="dark">',
        '<html lang="en" data-theme="light">',
        *['<html lang="en">'] * 2,
    ]


def test_it_goes_out_compressed_to_clients_that_take_it(client, page):
    packed = client.get("/docs", headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data).decode() == page
    assert len(packed.data) < 60_000
