"""From an upload of symbols to the names in a report: machine code built here, and a made-up obfuscated app."""

import io
import json
import subprocess
import zipfile

import pytest

from app.parsers.minidump_stack import BY_REGISTERS, BY_RULES
from app.symbols.java import JavaNames
from tests.crashing_program import crash_of_program
from tests.factories import make_member
from tests.symbols import script_event, source_map
from tests.uploads import digested, export_url

SOURCE = """\
static inline __attribute__((always_inline)) int price(int *p) { int s = 0; while (s < 99) s += p[s]; return s; }
int total(int *p) {
    return price(p) + 1;
}
"""
TOMBSTONE = """\
*** *** *** *** *** *** *** *** *** *** *** *** *** *** *** ***
Build fingerprint: 'example/shop/shop:13/A1/1:user/release-keys'
ABI: 'x86_64'
pid: 9, tid: 12, name: worker  >>> com.example.shop <<<
signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0000000000000010
backtrace:
      #00 pc {pc:016x}  /data/app/lib/x86_64/libcart.so (BuildId: {build_id})
"""
MAPPING = """\
com.example.shop.Cart -> a.b:
# {"id":"sourceFile","fileName":"Cart.kt"}
    1:1:int price(int):40:40 -> c
    1:1:int total():21 -> c
com.example.shop.EmptyCart -> a.d:
    1:1:void f():1 -> f
"""


class Shop:
    """An app whose reports and symbols are asked for over HTTP."""

    def __init__(self, client, member, run_workers, clock) -> None:
        self.client, self.member, self.run_workers, self.clock = client, member, run_workers, clock
        self.symbols = f"/api/apps/{member.app.identifier}/symbols"

    def add(self, content: bytes, **query: str) -> str:
        answer = self.client.post(self.symbols, data=content, query_string=query, headers=self.member.headers)
        self.run_workers()
        one = f"{self.symbols}/{answer.json['result']['identifier']}"
        assert self.client.get(one, headers=self.member.headers).json["result"]["state"] == "ready"
        return one

    def report(self, log: dict, format_name: str = "json") -> str:
        url = export_url(log, format=format_name)
        self.clock.advance(seconds=31)  # a report that finished just now is shown although it is out of date
        self.client.get(url, headers=self.member.headers)
        self.run_workers()
        result = self.client.get(url, headers=self.member.headers).json["result"]
        return self.client.get(result["url"]).text

    def frames(self, log: dict) -> list[tuple]:
        told = json.loads(self.report(log))
        frames = next((one["frames"] for one in (*told["exceptions"], *told["threads"]) if one["frames"]), [])
        return [(one["module"], one["function"], one["file"], one["line"], one["note"]) for one in frames]


@pytest.fixture
def shop(client, member, run_workers, clock) -> Shop:
    return Shop(client, member, run_workers, clock)


@pytest.fixture
def library(tmp_path):
    """(file, the address where `total` begins, build id)."""
    (tmp_path / "cart.c").write_text(SOURCE)
    file = tmp_path / "libcart.so"
    built = ["gcc", "-g", "-O1", "-fPIC", "-shared", "-Wl,--build-id=sha1", "-o", str(file), str(tmp_path / "cart.c")]
    subprocess.run(built, check=True)
    listed = subprocess.run(["nm", str(file)], check=True, capture_output=True, text=True).stdout
    address = next(int(line.split()[0], 16) for line in listed.splitlines() if line.endswith(" total"))
    notes = subprocess.run(["readelf", "-n", str(file)], check=True, capture_output=True, text=True).stdout
    return file, address, notes.partition("Build ID: ")[2].split()[0]


def faulting(file) -> int:
    """The address of the instruction that reads the price."""
    listed = subprocess.run(
        ["objdump", "-d", "--disassemble=total", str(file)], check=True, capture_output=True, text=True
    )
    return next(int(line.split(":")[0], 16) for line in listed.stdout.splitlines() if "(%rdi,%r" in line)


def test_a_minidump_is_walked_again_when_call_frame_information_comes(shop, client, member, run_workers, tmp_path):
    crashed = crash_of_program(tmp_path)
    log = digested(client, member, run_workers, crashed.dump)
    before = shop.frames(log)

    shop.add(crashed.program.read_bytes(), name="shop")
    named = shop.frames(log)
    told = json.loads(shop.report(log))

    assert [one[1] for one in before[:4]] == [None] * 4
    assert [(one[1], one[4]) for one in named[:4]] == [
        ("price", BY_REGISTERS), ("total", BY_RULES), ("checkout", BY_RULES), ("main", BY_RULES)
    ]  # fmt: skip
    assert told["crash"]["fingerprint"]["parts"][1:] == ["frame: price", "frame: total", "frame: checkout"]


def test_a_stripped_tombstone_gets_functions_files_and_lines_by_its_build_id(
    shop, library, client, member, run_workers
):
    file, _, build_id = library
    log = digested(client, member, run_workers, TOMBSTONE.format(pc=faulting(file), build_id=build_id).encode())
    before = json.loads(shop.report(log))
    texts = [shop.report(log, format_name) for format_name in ("txt", "html")]

    one = shop.add(file.read_bytes(), name="libcart.so")
    after = json.loads(shop.report(log))
    source = str(file.with_name("cart.c"))
    named = shop.frames(log)
    client.delete(one, headers=member.headers)

    [missing] = before["missing_symbols"]
    assert (missing["kind"], missing["name"]) == ("native", "libcart.so")
    assert all("Missing symbols" in text and missing["debug_id"] in text for text in texts)
    assert named == [(None, "price", source, 1, "inlined"), (None, "total", source, 3, None)]
    assert after["missing_symbols"] == []
    assert after["crash"]["fingerprint"]["parts"][1:] == ["frame: price", "frame: total"]
    assert after["crash"]["identifier"] != before["crash"]["identifier"]  # to which the one in the URL leads
    assert json.loads(shop.report(log))["missing_symbols"] == before["missing_symbols"]


def test_another_apps_symbols_name_nothing(services, shop, library, client, run_workers):
    file, address, build_id = library
    other = make_member(services, "mallory@example.com")
    shop.add(file.read_bytes())
    log = digested(client, other, run_workers, TOMBSTONE.format(pc=address, build_id=build_id).encode())

    told = json.loads(Shop(client, other, run_workers, shop.clock).report(log))

    assert [one["name"] for one in told["missing_symbols"]] == ["libcart.so"]


def event(**more) -> bytes:
    frames = [{"module": "a.b", "function": "c", "filename": "SourceFile", "lineno": 1}]
    thrown = {"type": "d", "module": "a", "value": "no items", "stacktrace": {"frames": frames}}
    return json.dumps({"event_id": "0" * 31 + "1", "platform": "java", "timestamp": "2018-09-13T08:02:53Z",
                       "release": "com.example.shop@1.2+45", "exception": {"values": [thrown]}, **more}).encode()  # fmt: skip


PLAIN = [
    ("com.example.shop.Cart", "price", "Cart.kt", 40, "inlined"),
    ("com.example.shop.Cart", "total", "Cart.kt", 21, None),
]


@pytest.mark.parametrize(
    ("given", "is_named"),
    [({"version": "1.2", "build": "45"}, True), ({"version": "1.2"}, True), ({"build": "45"}, True),
     ({"version": "1.2", "build": "46"}, False), ({"version": "1.3"}, False), ({}, False)],
)  # fmt: skip
def test_a_mapping_is_found_by_version_and_build(shop, client, member, run_workers, given, is_named):
    log = digested(client, member, run_workers, event())
    shop.add(MAPPING.encode(), **given)

    assert (shop.frames(log) == PLAIN) is is_named


def test_a_mapping_is_found_by_the_uuid_that_the_log_names_and_names_the_exception(
    shop, client, member, run_workers, tmp_path
):
    (tmp_path / "mapping.txt").write_text(MAPPING)
    uuid = str(JavaNames(tmp_path / "mapping.txt").uuid)
    images = {"images": [{"type": "proguard", "uuid": uuid.upper()}]}
    log = digested(client, member, run_workers, event(debug_meta=images))
    before = json.loads(shop.report(log))
    shop.add(MAPPING.encode())

    after = json.loads(shop.report(log))

    assert before["missing_symbols"] == [{"kind": "mapping", "debug_id": uuid, "name": None}]
    assert shop.frames(log) == PLAIN
    assert (after["exceptions"][0]["type"], after["missing_symbols"]) == ("com.example.shop.EmptyCart", [])


@pytest.mark.parametrize(("release", "is_found"), [("com.example.shop@1.2+45", True), (None, False)])
def test_a_mapping_that_the_log_does_not_name_is_told_with_the_command_that_sends_it(
    shop, client, member, run_workers, release, is_found
):
    log = digested(client, member, run_workers, event(release=release))
    told = json.loads(shop.report(log))["missing_symbols"]
    texts = [shop.report(log, format_name) for format_name in ("txt", "html")]
    shop.add(MAPPING.encode(), version="1.2", build="45")

    after = json.loads(shop.report(log))["missing_symbols"]

    assert told == [{"kind": "mapping", "debug_id": None, "name": None}]
    assert all("mapping" in text and "(by version)" in text for text in texts)
    assert (after == []) is is_found


def test_reports_in_a_batch_are_named_too(shop, client, member, run_workers):
    log = digested(client, member, run_workers, event())
    shop.add(MAPPING.encode(), version="1.2")
    path = f"/api/crashes/{log['occurrences'][0]['crash_identifier']}/exports"
    client.post(path, json={"format": "zip"}, headers=member.headers)
    run_workers()

    result = client.post(path, json={"format": "zip"}, headers=member.headers).json["result"]
    part = client.get(result["parts"][0]["url"]).data

    assert _first(part)["exceptions"][0]["frames"][1]["function"] == "total"


def _first(archive: bytes) -> dict:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return json.loads(opened.read(opened.namelist()[0]))


SCRIPT_ID = "0a0b0c0d-0102-4304-8506-0708090a0b0c"
SCRIPT_MAP = [(120, "src/cart.ts", 7, 5, None), (400, "src/cart.ts", 20, 10, "total")]
TOTAL = {"pre_context": [""] * 5, "context_line": "total(cart)", "post_context": []}
READ = [("total", "src/cart.ts", 7, 5), ("n", "src/cart.ts", 20, 10)]


@pytest.mark.parametrize(
    ("in_map", "given", "is_named"),
    [({"debug_id": SCRIPT_ID}, {}, True), ({}, {"version": "1.2", "name": "main.3f2a91bc.js.map"}, True),
     ({"file": "main.3f2a91bc.js"}, {"version": "1.2", "name": "out.map"}, True),
     ({}, {"version": "9", "name": "out.map", "debug_id": SCRIPT_ID}, True),
     ({}, {"version": "1.3", "name": "main.3f2a91bc.js.map"}, False), ({}, {"version": "1.2", "name": "other.js.map"}, False)],
)  # fmt: skip
def test_minified_frames_get_file_line_and_column_by_a_late_source_map(
    shop, client, member, run_workers, in_map, given, is_named
):
    image = {"type": "sourcemap", "code_file": "https://shop.example.com/js/main.3f2a91bc.js", "debug_id": SCRIPT_ID}
    log = digested(client, member, run_workers, script_event(("t", 121), ("n", 400), debug_meta={"images": [image]}))
    before = json.loads(shop.report(log))
    one = shop.add(source_map(*SCRIPT_MAP, sourcesContent=["\n" * 6 + "total(cart)"], **in_map), **given)

    after = json.loads(shop.report(log))
    frames = [(one["function"], one["file"], one["line"], one["column"]) for one in after["exceptions"][0]["frames"]]
    images = client.get(one, headers=member.headers).json["result"]["images"]

    assert [(one["kind"], one["debug_id"]) for one in before["missing_symbols"]] == [("source_map", SCRIPT_ID)]
    assert (frames == READ) is is_named
    assert (after["exceptions"][0]["frames"][0]["source"] == TOTAL) is is_named
    assert (after["missing_symbols"] == []) is is_named
    assert (after["crash"]["identifier"] != before["crash"]["identifier"]) is is_named
    assert ("frame: cart.ts:total" in after["crash"]["fingerprint"]["parts"]) is is_named
    ids = [in_map.get("debug_id"), *([given["debug_id"]] if "debug_id" in given else [])]
    assert [(one["debug_id"], one["kind"]) for one in images] == [(one, "source_map") for one in ids]
