"""Minified JavaScript by source maps, which are made here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.log import CrashLog, Frame, SourceLines
from app.parsers import parse
from app.symbols import NotSymbols, scripts
from app.symbols.awaited_keys import release_key
from app.symbols.contents import About, contents
from app.symbols.resolving import Resolved, resolve
from app.symbols.scripts import ScriptNames, named_scripts, script_name
from app.symbols.source_files import SourceFiles
from tests.symbols import script_event, source_map

ID = "0a0b0c0d-0102-4304-8506-0708090a0b0c"
PLACES = (
    (120, "src/cart.ts", 7, 5, None),
    (400, "src/cart.ts", 20, 10, "total"),
    (900, "src/main.ts", 3, 1, "checkout"),
    (1500, "node_modules/lib/index.js", 1, 1, None),
)
MAP = source_map(*PLACES, file="main.3f2a91bc.js", debug_id=ID.upper())
CRASH = (("t", 121), ("n", 400), ("e", 903))


def made(tmp_path: Path, content: bytes, about: About = About("main.js.map")) -> tuple[list[str], ScriptNames]:  # noqa: B008
    (tmp_path / "upload").write_bytes(content)
    [_sources, held] = contents(tmp_path / "upload", tmp_path, about, 10_000_000)
    assert (held.kind, held.file_format) == ("source_map", "sourcemap")
    return held.ids, ScriptNames(held.cache)


def told(log: CrashLog) -> list[tuple]:
    return [(one.function, one.file, one.line, one.column) for one in log.faults[0].frames]


def resolved(names: ScriptNames | None, event: bytes = script_event(*CRASH)) -> Resolved:
    [log] = parse(event)
    return resolve(log, lambda _: None, None, lambda _: names, only_crash=True)


def test_frames_get_file_line_and_column_and_are_called_as_their_callers_call_them(tmp_path: Path) -> None:
    _, names = made(tmp_path, MAP)

    found = resolved(names)

    assert told(found.log) == [
        ("total", "src/cart.ts", 7, 5), ("checkout", "src/cart.ts", 20, 10), ("e", "src/main.ts", 3, 1),
    ]  # fmt: skip
    assert (found.used, found.awaited) == (True, ())
    assert fingerprint(found.log).parts[1:] == ("frame: cart.ts:total", "frame: cart.ts:checkout", "frame: main.ts")


def test_two_builds_of_one_source_make_one_crash(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = source_map(*((column + 55, *rest) for column, *rest in PLACES), debug_id=ID)
    frames = [(name, column + 55) for name, column in (("q", 121), ("zz", 400), ("a", 903))]
    event = script_event(*frames, file="https://shop.example.com/js/main.99aa00ff.js")

    one, next_build = resolved(made(tmp_path, MAP)[1]), resolved(made(tmp_path / "other", other)[1], event)

    assert fingerprint(one.log) == fingerprint(next_build.log)


def test_a_crash_without_frames_has_none_to_name() -> None:
    assert named_scripts((), lambda _file: None) == ()


@pytest.mark.parametrize("name", ["async*t", "async t", "promise callback*t"])
def test_a_minified_name_behind_what_called_it_is_named(tmp_path: Path, name: str) -> None:
    _, names = made(tmp_path, MAP)

    assert told(resolved(names, script_event((name, 121), ("n", 400))).log)[0][0] == "total"


def test_a_name_that_was_not_minified_stays(tmp_path: Path) -> None:
    _, names = made(tmp_path, MAP)

    found = resolved(names, script_event(("Cart.pay", 121), ("n", 400)))

    assert told(found.log)[0] == ("Cart.pay", "src/cart.ts", 7, 5)


def test_library_code_in_a_bundle_is_not_the_apps_own(tmp_path: Path) -> None:
    _, names = made(tmp_path, MAP)

    found = resolved(names, script_event(("x", 1501), ("t", 121)))

    assert [part for part in fingerprint(found.log).parts if "image" in part] == ["image: cart.ts"]


def test_a_script_without_its_map_is_missing_and_awaited(tmp_path: Path) -> None:
    image = {"type": "sourcemap", "code_file": "https://shop.example.com/js/main.3f2a91bc.js", "debug_id": ID}
    found = resolved(None, script_event(*CRASH, debug_meta={"images": [image]}))

    assert [(one.kind, one.debug_id, one.name) for one in found.missing] == [("source_map", ID, "main.3f2a91bc.js")]
    assert found.awaited == (ID, release_key("1.2", "", "main.3f2a91bc.js"))
    assert not found.used


def test_scripts_that_are_not_minified_wait_for_nothing() -> None:
    assert resolved(None, script_event(("total", 14), ("checkout", 3))).awaited == ()


def test_a_map_is_found_by_its_debug_id_and_by_release_and_file_name(tmp_path: Path) -> None:
    told_ids, _ = made(tmp_path, MAP, About("app.js.map", "1.2", "45"))
    by_release, _ = made(tmp_path, source_map(*PLACES), About("js/app.js.map", "1.2"))

    assert told_ids == [ID, release_key("1.2", "45", "main.3f2a91bc.js"), release_key("1.2", "45", "app.js")]
    assert by_release == [release_key("1.2", "", "app.js")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"{", "no JSON"), (b"{}", "neither mappings"), (b'{"mappings": 7}', "neither mappings"),
     (b'{"version":3,"mappings":"!!!","sources":["a"],"names":[],"debug_id":"' + ID.encode() + b'"}', "source map"),
     (b"[" * 100_000, "mapping"), (b'{"a":' * 100_000, "no JSON"), (source_map(*PLACES), "found by anything")],
)  # fmt: skip
def test_what_is_no_source_map_or_could_not_be_found_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(NotSymbols, match=reason):
        made(tmp_path, content)


def test_a_map_larger_than_is_read_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(scripts, "MAX_MAP", 10)

    with pytest.raises(NotSymbols, match="at most"):
        made(tmp_path, MAP)


def test_the_sources_in_a_map_are_not_kept_in_what_is_looked_up(tmp_path: Path) -> None:
    section = {"offset": {"line": 0, "column": 0}, "map": json.loads(MAP)}
    whole = json.dumps({"version": 3, "sections": [section], "debugId": ID}).encode()

    _, names = made(tmp_path, b")]}'\n" + whole)

    assert b"secret" not in (tmp_path / "source_map").read_bytes()
    assert names.at(1, 121).src == "src/cart.ts"


def test_the_sources_in_a_map_are_kept_by_their_paths_and_give_a_few_lines_cut_to_length(tmp_path: Path) -> None:
    text = "\r\n".join(f"line {number}" for number in range(1, 20)) + "\n" + "x" * 1_000
    told = {"sourceRoot": "shop", "sources": ["src/cart.ts", "b.ts", "c.ts"], "sourcesContent": [text, None]}
    (tmp_path / "upload").write_bytes(source_map(*PLACES[:1], debug_id=ID, **told))

    [kept, _] = contents(tmp_path / "upload", tmp_path, About(), 10_000_000)
    files = SourceFiles(kept.cache)

    assert kept.ids == [f"sources:{ID}"]
    found = files.lines("shop/src/cart.ts", 7)
    assert found == SourceLines(
        "line 7", tuple(f"line {n}" for n in range(2, 7)), tuple(f"line {n}" for n in range(8, 13))
    )
    assert files.lines("shop/src/cart.ts", 1) == SourceLines("line 1", (), tuple(f"line {n}" for n in range(2, 7)))
    assert files.lines("shop/src/cart.ts", 20).line == "x" * 199 + "…"
    assert [files.lines(*place) for place in (("shop/src/cart.ts", 21), ("shop/b.ts", 1), ("x", 1), ("", 0))] == [
        None
    ] * 4


def test_a_damaged_cache_of_sources_is_none(tmp_path: Path) -> None:
    (tmp_path / "sources").write_bytes(b"PK\3\4 rubbish")

    with pytest.raises(NotSymbols):
        SourceFiles(tmp_path / "sources")


@pytest.mark.parametrize(
    ("file", "name"),
    [("https://a.example.com/js/main.js?v=3#x", "main.js"), ("app:///main.js", "main.js"),
     ("C:\\js\\main.js", "main.js"), ("", "")],
)  # fmt: skip
def test_scripts_are_called_by_their_file(file: str, name: str) -> None:
    assert script_name(file) == name


def test_a_frame_without_a_column_or_of_another_script_stays_as_it_is(tmp_path: Path) -> None:
    _, names = made(tmp_path, MAP)
    [log] = parse(script_event(("t", 121)))
    frames = (Frame(function="t", file="a.js", line=1), Frame(function="t", file="b.js", line=1, column=5))
    log = replace(log, faults=(replace(log.faults[0], frames=frames),))

    found = resolve(log, lambda _: None, None, lambda file: names if file == "a.js" else None)

    assert found.log == log
