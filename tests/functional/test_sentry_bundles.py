"""Bundles of Sentry's tools: source maps are found by debug id or by release and script; sources give lines; tricks fail."""

import json
import zipfile

import pytest

from tests.build_tools import assemble_bundle, bundle, cut, script_bundle, send_chunks, sha1
from tests.factories import make_member
from tests.symbols import native_event, script_event, source_map, sym
from tests.uploads import digested, export_url

ID = "0a0b0c0d-0000-4000-8000-00000000000e"
SOURCES = ["\n" * 8 + "    pay(<cart>)\n", "boot()"]
MAP = source_map((16, "src/cart.ts", 9, 3, "pay"), (34, "src/main.ts", 4, 1, "boot"), sourcesContent=SOURCES)


@pytest.fixture
def bearer(member) -> dict[str, str]:
    return {"Authorization": f"Bearer {member.token}"}


def sent(client, headers, projects, content, **more) -> dict:
    for at in range(0, len(cut(content)), 60):
        send_chunks(client, headers, *cut(content)[at : at + 60])
    answer = assemble_bundle(client, headers, projects, content, **more)
    assert answer.status_code == 200, answer.data
    return answer.json


def rejected(client, member, bearer, run_workers, content) -> str:
    sent(client, bearer, [str(member.app.id)], content)
    run_workers()
    told = assemble_bundle(client, bearer, [str(member.app.id)], content).json
    assert told["state"] == "error"
    return told["detail"]


def report_of(client, member, run_workers, event) -> dict:
    log = digested(client, member, run_workers, event)
    client.get(export_url(log), headers=member.headers)
    run_workers()
    link = client.get(export_url(log), headers=member.headers).json["result"]["url"]
    return json.loads(client.get(link.removeprefix("http://localhost")).data)


def test_a_map_in_a_bundle_is_found_by_the_debug_id_that_the_bundle_tells(client, member, bearer, run_workers):
    state = sent(client, bearer, [member.app.identifier], script_bundle(MAP, ID))
    run_workers()
    file = "https://shop.example.com/js/main.js"
    images = {"images": [{"type": "sourcemap", "code_file": file, "debug_id": ID}]}
    report = report_of(client, member, run_workers, script_event(("a", 16), file=file, debug_meta=images))

    assert state == {"state": "created", "missingChunks": [], "detail": None}
    [frame] = report["exceptions"][0]["frames"]
    assert (frame["file"], frame["line"], frame["source"]["context_line"]) == ("src/cart.ts", 9, "    pay(<cart>)")


@pytest.mark.parametrize("name", ["../src/cart.ts", "/src/cart.ts", "~/src/cart.ts"])
def test_sources_that_a_map_lacks_are_looked_for_beside_it(client, member, bearer, run_workers, name):
    bare = source_map((16, name, 1, 1, None), sourcesContent=[None], debug_id=ID)
    content = bundle(
        ("files/a", bare, {"type": "source_map", "url": "~/js/main.js.map"}),
        ("files/b", b"pay(cart)", {"type": "minified_source", "url": "~/src/cart.ts"}),
    )
    sent(client, bearer, [member.app.identifier], content)
    run_workers()
    file = "https://shop.example.com/js/main.js"
    images = {"images": [{"type": "sourcemap", "code_file": file, "debug_id": ID}]}
    report = report_of(client, member, run_workers, script_event(("a", 16), file=file, debug_meta=images))

    assert report["exceptions"][0]["frames"][0]["source"]["context_line"] == "pay(cart)"


@pytest.mark.parametrize(
    ("release", "dist", "build"),
    [("shop@1.2", None, None), ("shop@1.2+45", None, "45"), ("shop@1.2", "45", "45"), ("1.2", None, None)],
)
def test_without_one_it_is_found_by_release_and_script(client, member, bearer, run_workers, release, dist, build):
    sent(client, bearer, [member.app.identifier], script_bundle(MAP), version=release, dist=dist)
    run_workers()
    file = "https://shop.example.com/js/main.js"
    report = report_of(client, member, run_workers, script_event(("a", 16), file=file, release=release, dist=dist))
    [shown] = client.get(f"/api/apps/{member.app.identifier}/symbols", headers=member.headers).json["result"]

    assert (shown["version"], shown["build"]) == ("1.2", build)
    assert report["exceptions"][0]["frames"][0]["file"] == "src/cart.ts"


def test_a_bundle_of_sources_gives_native_frames_the_lines_around_them(client, member, bearer, run_workers):
    code = "int total(int *p) {\n    return *p;\n}\n"
    content = bundle(
        ("files/src/cart.c", code.encode(), {"type": "source", "path": "/src/cart.c"}),
        ("files/x", b"x", {"type": "source"}), debug_id=f"{ID}-0",
    )  # fmt: skip
    sent(client, bearer, [member.app.identifier], content)
    run_workers()
    [shown] = client.get(f"/api/apps/{member.app.identifier}/symbols", headers=member.headers).json["result"]
    client.post(f"/api/apps/{member.app.identifier}/symbols", data=sym(ID, "total", "main"), headers=member.headers)
    run_workers()

    report = report_of(client, member, run_workers, native_event(ID, 1, 2))
    [first, second] = report["exceptions"][0]["frames"]

    assert (shown["kind"], shown["state"], shown["debug_ids"]) == ("bundle", "ready", [])
    assert assemble_bundle(client, bearer, [member.app.identifier], content).json["state"] == "ok"
    assert (first["function"], first["source"]["context_line"]) == ("total", "int total(int *p) {")
    assert second["source"] == {
        "pre_context": ["int total(int *p) {"], "context_line": "    return *p;", "post_context": ["}"],
    }  # fmt: skip


def test_a_bundle_of_sources_of_java_is_found_by_its_id_in_the_event(client, member, bearer, run_workers):
    cart = ("files/_/_/com/example/shop/Cart.jvm", b"class Cart {\n  void pay()\n}", {"type": "source"})
    cart[2]["url"] = "~/com/example/shop/Cart.jvm"
    sent(client, bearer, [member.app.identifier], bundle(cart, debug_id=ID))
    run_workers()
    frames = [
        {"module": "com.example.shop.Cart", "filename": "Cart.kt", "function": "pay", "lineno": 2},
        {"module": "com.example.shop.Cart$Item", "function": "price", "lineno": 1},
        {"module": "Cart", "filename": "Cart.kt", "function": "pay", "lineno": 2},
    ]
    thrown = {"type": "IllegalStateException", "value": "x", "stacktrace": {"frames": frames[::-1]}}
    images = {"images": [{"type": "jvm", "debug_id": ID}]}
    event = {"event_id": "7" * 32, "platform": "java", "exception": {"values": [thrown]}, "debug_meta": images}
    report = report_of(client, member, run_workers, json.dumps(event).encode())

    lines = [frame["source"] and frame["source"]["context_line"] for frame in report["exceptions"][0]["frames"]]
    assert lines == ["  void pay()", "class Cart {", None]


def test_a_bundle_for_two_apps_is_in_both_and_for_anothers_in_none(client, services, member, bearer, run_workers):
    stranger = make_member(services, "mallory@example.com")
    content = script_bundle(MAP, ID)
    answer = assemble_bundle(client, bearer, [member.app.identifier, stranger.app.identifier], content)

    assert answer.status_code == 404
    assert client.get(f"/api/apps/{member.app.identifier}/symbols", headers=member.headers).json["result"] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"SYSB\2\0\0\0", "cut short or damaged"),
        (b"SYSB\2\0\0\0" + b"PK\3\4 rubbish", "cut short or damaged"),
        (b"SYSB\2\0\0\0" + script_bundle(MAP)[8:-40], "cut short or damaged"),
        (bundle(("a.map", MAP, {"type": "source_map"})).replace(b"manifest.json", b"manifast.json"), "no manifest"),
        (bundle(("a.map", b"[]", {"type": "source_map", "url": "~/a.js.map"})), "a.js.map: Not readable"),
        (bundle(("a.map", MAP, {"type": "source_map", "url": "~/a.js.map"})), "could not be found by anything"),
        (bundle(("a.map", MAP, {"type": "source_map"}), compression=zipfile.ZIP_BZIP2), "no manifest"),
        (bundle(("a.map", bytes(30_000_000), {"type": "source_map"})), "unpacks to more than is allowed"),
    ],
)
def test_a_bundle_that_cannot_be_read_ends_in_error_with_the_reason(
    client, member, bearer, run_workers, content, reason
):
    assert reason in rejected(client, member, bearer, run_workers, content)


def test_chunks_of_another_file_end_in_error_and_may_be_sent_again_later(client, member, bearer, run_workers, clock):
    content = script_bundle(MAP, ID)
    other = bundle(("a.map", MAP, {"type": "source_map"}))
    send_chunks(client, bearer, *cut(other), *cut(content))
    assemble_bundle(client, bearer, [member.app.identifier], content, chunks=[sha1(one) for one in cut(other)])
    run_workers()
    wrong = assemble_bundle(client, bearer, [member.app.identifier], content).json
    clock.advance(minutes=11)
    missing = assemble_bundle(client, bearer, [member.app.identifier], content).json
    sent(client, bearer, [member.app.identifier], content)
    run_workers()

    assert (wrong["state"], "SHA-1" in wrong["detail"]) == ("error", True)
    assert missing["state"] in ("not_found", "created")
    assert assemble_bundle(client, bearer, [member.app.identifier], content).json["state"] == "ok"
