"""Bundles of sources and source maps, as Sentry's build tools make them: a header, a zip, and a manifest in it.

Source: `sourcebundle` of the crate symbolic-debuginfo (12): magic `SYSB`, a version of four bytes, a zip with
`manifest.json`: `{"files": {<path>: {"type", "url", "path", "headers"}}, "debug_id", …}`. The debug id is there where the
bundle has the sources of one image, or of one module of Java or Kotlin, where a file has an `url` for a path.
"""

import json
import posixpath
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from app.symbols import NotSymbols
from app.symbols.archives import members
from app.symbols.scripts import script_name
from app.symbols.source_files import MAX_FILE

MAGIC = b"SYSB"
MANIFEST = "manifest.json"
MAX_MANIFEST = 32 * 1024 * 1024  # bytes
MAX_FILES = 50_000  # of one bundle
MAX_BESIDE = 100  # maps of one bundle whose sources are looked for beside them: the bundle is read once for each

_WRITTEN = ("source", "minified_source")  # sentry-cli calls a file so that no map belongs to, too


class BundledMap(NamedTuple):
    """A source map in a bundle, and what the bundle says of it."""

    name: str
    file: Path | None  # gone once the next one is asked for
    debug_ids: list[str]  # as written
    script: str | None  # file name of the script that it is of
    beside: Callable[[Iterable[str]], Iterator[tuple[str, bytes]]]
    """Sources, as the map names them -> those that are files of the bundle: name, content."""


def is_bundle(head: bytes) -> bool:
    """True for how a bundle begins."""
    return head.startswith(MAGIC)


def bundled_maps(bundle: Path, folder: Path, max_unpacked: int) -> Iterator[tuple[BundledMap, str | None]]:
    """The source maps of a bundle, each unpacked into `folder`, and why one is not. Raises NotSymbols."""
    files = _files(_manifest(bundle, folder, max_unpacked))
    scripts = _scripts(files)
    maps = {path for path, one in files.items() if one.get("type") == "source_map"}
    if not maps:
        return
    by_url = {
        url: path for path, one in files.items() if one.get("type") in _WRITTEN and (url := _text(one.get("url")))
    }
    apart = folder / "beside"
    apart.mkdir(exist_ok=True)
    left = iter(range(MAX_BESIDE))

    def beside(map_url: str, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        wanted = {path: name for name in names if (path := by_url.get(_resolved(map_url, name)))}
        if wanted and next(left, None) is not None:
            yield from _sources(bundle, apart, max_unpacked, wanted)

    for entry in members(bundle, folder, max_unpacked, max_members=MAX_FILES, is_wanted=maps.__contains__):
        told = files[entry.path]
        url = _text(told.get("url")) or entry.name
        script = scripts.get(script_name(url), {})
        ids = [one for one in (_header(told, "debug-id"), _header(script, "debug-id")) if one]
        name = script_name(_text(script.get("url")) or "") or None
        yield BundledMap(script_name(url) or entry.name, entry.file, ids, name, partial(beside, url)), entry.problem


def _resolved(map_url: str, name: str) -> str:
    """The URL, as bundles have them, of a source that a map names: `~/src/cart.ts` for `../src/cart.ts` of `~/js/main.js.map`."""
    if "://" in name or name.startswith("~/"):
        return name
    return posixpath.normpath(f"~{name}" if name.startswith("/") else posixpath.join(posixpath.dirname(map_url), name))


def bundled_sources(bundle: Path, folder: Path, max_unpacked: int) -> tuple[str | None, Iterator[tuple[str, bytes]]]:
    """The debug id, as written, of what the sources of a bundle belong to, and each of them: path, content. Raises NotSymbols."""
    manifest = _manifest(bundle, folder, max_unpacked)
    paths = {
        path: named
        for path, one in _files(manifest).items()
        if one.get("type") == "source" and (named := _text(one.get("path")) or _text(one.get("url")))
    }

    return _text(manifest.get("debug_id")), _sources(bundle, folder, max_unpacked, paths) if paths else iter(())


def _sources(bundle: Path, folder: Path, max_unpacked: int, paths: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """Of files of the bundle, by their paths in it: name, content."""
    for entry in members(bundle, folder, max_unpacked, max_members=MAX_FILES, is_wanted=paths.__contains__):
        if entry.file is not None and entry.file.stat().st_size <= MAX_FILE:
            yield paths[entry.path], entry.file.read_bytes()


def _manifest(bundle: Path, folder: Path, max_unpacked: int) -> dict[str, Any]:
    raw, limit = None, min(max_unpacked, MAX_MANIFEST)
    for entry in members(bundle, folder, limit, max_members=MAX_FILES, is_wanted=MANIFEST.__eq__):
        raw = entry.file.read_bytes() if entry.file else None
    try:
        manifest = json.loads(raw or b"")
    except (ValueError, RecursionError):
        raise NotSymbols("The bundle has no manifest that can be read") from None
    return manifest if isinstance(manifest, dict) else {}


def _files(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Path -> what the manifest says of the file."""
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise NotSymbols("The manifest of the bundle names no files")
    return {path: one for path, one in files.items() if isinstance(one, dict)}


def _scripts(files: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """File name of a source map -> what is said of the script that names it."""
    found: dict[str, dict[str, Any]] = {}
    for one in files.values():
        reference = _header(one, "sourcemap")
        if one.get("type") == "minified_source" and reference:
            found.setdefault(script_name(reference), one)
    return found


def _header(told: dict[str, Any], name: str) -> str | None:
    headers = told.get("headers")
    if not isinstance(headers, dict):
        return None
    return next((_text(value) for key, value in headers.items() if key.lower() == name), None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
