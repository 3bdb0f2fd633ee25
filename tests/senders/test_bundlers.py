"""A small app is built by a bundler with its plugin of Sentry's, and its error shows the lines of its source."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.senders.conftest import PROGRAMS, Receiver
from tests.senders.sentry_cli import GRACE
from tests.system.conftest import until


@pytest.mark.parametrize("bundler", ["esbuild", "rollup", "vite", "webpack"])
def test_the_error_of_a_built_app_shows_lines_of_its_source(
    receiver: Receiver, modules: Path, tmp_path: Path, bundler: str
):
    app, dsn = receiver.new_app(f"Built by {bundler}")
    key = receiver.http.send("POST", f"/api/apps/{app}/upload_keys", b'{"name":"CI"}').json["result"]["key"]
    shop = shutil.copytree(PROGRAMS / "shop", tmp_path / "shop")
    environ = {
        **os.environ, "MODULES": str(modules), "NODE_PATH": str(modules), "DSN": dsn, "SENTRY_URL": receiver.http.base,
        "SENTRY_AUTH_TOKEN": key, "SENTRY_ORG": "any", "SENTRY_PROJECT": app,
        "SENTRY_CONFIG_DIR": str(tmp_path / "config"),  # where newer plugins remember addresses
    }  # fmt: skip

    def node(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["node", *arguments], cwd=shop, env=environ, capture_output=True, text=True, timeout=GRACE, check=False
        )

    built = node("build.mjs", bundler)
    assert built.returncode == 0, built.stderr
    until(lambda: is_read(receiver, app), "the source map")
    run = node("dist/main.cjs")
    report = receiver.report_of(app)

    assert "Cannot read properties of null" in run.stderr
    frames = [(Path(frame["file"]).name, frame["line"]) for frame in report["exceptions"][0]["frames"]]
    assert frames[:2] == [("cart.mjs", 4), ("cart.mjs", 8)]
    assert report["exceptions"][0]["frames"][0]["function"] == "totalOf"
    assert "cart.items.reduce((sum, item)" in report["exceptions"][0]["frames"][0]["source"]["context_line"]


def is_read(receiver: Receiver, app: str) -> bool:
    """True once a worker has read what the app was given."""
    symbols = receiver.http.send("GET", f"/api/apps/{app}/symbols").json["result"]
    return bool(symbols) and all(one["state"] == "ready" for one in symbols)
