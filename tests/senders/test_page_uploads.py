"""What the pages of docs/senders say to build and to upload is run as it stands, but for addresses, names and keys."""

import io
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.hostile_symbols import dwarf
from tests.senders.conftest import PROGRAMS, Receiver
from tests.senders.sentry_cli import GRACE, SentryCli
from tests.senders.test_sentry_cli import all_read
from tests.symbols import mapping, source_map
from tests.system.conftest import EMAIL, PASSWORD, until

DOCS = Path(__file__).parents[2] / "docs" / "senders"
UUID = "0a0b0c0d-0000-4000-8000-00000000000a"
_BLOCK = re.compile(r"^ *```(?:sh|js)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)


def dsym() -> bytes:
    """A Mach-O file of symbols: one function of an arm64 app."""
    names = b"\0_pay\0\0\0"
    segment = struct.pack("<2I16s4Q4I", 0x19, 152, b"__TEXT", 1 << 32, 0x4000, 0, 0, 5, 5, 1, 0)
    section = struct.pack("<16s16s2Q8I", b"__text", b"__TEXT", (1 << 32) + 0x1000, 0x1000, 0, 0, 0, 0, 0, 0, 0, 0)
    at = 32 + 24 + len(segment + section) + 24
    commands = struct.pack("<2I16s", 0x1B, 24, bytes(range(16))) + segment + section
    commands += struct.pack("<6I", 2, 24, at, 1, at + 16, len(names))
    head = struct.pack("<8I", 0xFEEDFACF, 0x0100000C, 0, 10, 3, len(commands), 0, 0)
    return head + commands + struct.pack("<I2BHQ", 1, 0x0F, 1, 0, (1 << 32) + 0x1000) + names


def zipped(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr(name, content)
    return made.getvalue()


class Case(NamedTuple):
    """A block of a page, the files of a build that it names, and the kinds of symbols that are there afterwards."""

    page: str
    begins: str
    files: dict[str, bytes]
    kinds: list[str]


MAPPING, MAP = mapping("a.b", "total", "pay"), source_map((16, "src/cart.ts", 9, 3, "pay"))
SCRIPT = b"function a(b){throw new Error(b)}a(1);\n//# sourceMappingURL=main.js.map\n"
CASES = [
    Case("android", "crashq remote symbols add",
         {"app/build/outputs/mapping/release/mapping.txt": MAPPING, "mapping.txt": MAPPING + b"# another build\n",
          "app/build/intermediates/merged_native_libs/libcart.so": dwarf()}, ["elf", "proguard", "proguard"]),
    Case("apple", "export SENTRY_URL", {"dSYMs/Notes.app.dSYM/Contents/Resources/DWARF/Notes": dsym()}, ["macho"]),
    Case("apple", "crashq remote symbols add",
         {"Notes.app.dSYM.zip": zipped("Notes.app.dSYM/Contents/Resources/DWARF/Notes", dsym())}, ["archive"]),
    Case("web", "sentry-cli sourcemaps inject", {"dist/main.js": SCRIPT, "dist/main.js.map": MAP}, ["bundle"]),
    Case("coming-from-bugsnag", "crashq remote login",
         {"libcart.so": dwarf(), "Shop.dSYM.zip": zipped("Shop.dSYM/Contents/Resources/DWARF/Shop", dsym()),
          "mapping.txt": MAPPING, "main.js.map": MAP}, ["archive", "elf", "proguard", "sourcemap"]),
]  # fmt: skip


@pytest.fixture
def environ(receiver: Receiver, modules: Path, tmp_path: Path) -> dict[str, str]:
    """That of a build machine: both tools on its path, and the keys of a new app."""
    app, _ = receiver.new_app("Of a page")
    key = receiver.http.send("POST", f"/api/apps/{app}/upload_keys", b'{"name":"CI"}').json["result"]["key"]
    cli = SentryCli(receiver, "3", app, key)
    path = f"{cli.binary.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {
        **os.environ, **cli.environ, "PATH": path, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path),
        "CRASHQ_REMOTE_URL": receiver.http.base, "CRASHQ_REMOTE_TOKEN": key,
        "DWARF_DSYM_FOLDER_PATH": "dSYMs",
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.page}, {case.begins}")
def test_the_commands_of_a_page_upload_symbols(receiver: Receiver, environ: dict[str, str], tmp_path: Path, case: Case):
    for name, content in case.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)

    ran = subprocess.run(
        ["sh", "-e", "-c", block_of(case.page, case.begins, environ)], cwd=tmp_path, env=environ, capture_output=True,
        input=f"{PASSWORD}\n", text=True, timeout=GRACE, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    symbols = until(lambda: all_read(receiver, environ["SENTRY_PROJECT"]), "the symbols to be read")

    assert sorted(one["kind"] for one in symbols) == case.kinds


def test_the_vite_configuration_of_the_page_builds_and_uploads(
    receiver: Receiver, environ: dict[str, str], modules: Path, tmp_path: Path
):
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "package.json").write_text('{"type":"module"}')
    (tmp_path / "index.html").write_text('<script type="module" src="/main.mjs"></script>')
    (tmp_path / "main.mjs").write_text('import { pay } from "./cart.mjs";\npay({ items: null });\n')
    shutil.copy(PROGRAMS / "shop" / "cart.mjs", tmp_path)
    (tmp_path / "vite.config.js").write_text(block_of("web", "// vite.config.js", environ))

    built = subprocess.run(
        ["node", "node_modules/vite/bin/vite.js", "build"], cwd=tmp_path, env=environ, capture_output=True, text=True,
        timeout=GRACE, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    symbols = until(lambda: all_read(receiver, environ["SENTRY_PROJECT"]), "the source maps to be read")

    assert [one["kind"] for one in symbols] == ["bundle"]


def block_of(page: str, begins: str, environ: dict[str, str]) -> str:
    """The block of a page that begins so, with what this service has in place of its examples."""
    text = next(
        found["text"] for found in _BLOCK.finditer((DOCS / f"{page}.md").read_text())
        if found["text"].lstrip().startswith(begins)
    )  # fmt: skip
    examples = {
        r"https://crashq\.example\.com(?:/(?=\"))?": environ["SENTRY_URL"], r"\bAPP\b": environ["SENTRY_PROJECT"],
        r"\bUPLOAD_KEY\b": environ["SENTRY_AUTH_TOKEN"], r"\bUUID\b": UUID, r"you@example\.com": EMAIL,
    }  # fmt: skip
    for example, real in examples.items():
        text = re.sub(example, real, text)
    return text
