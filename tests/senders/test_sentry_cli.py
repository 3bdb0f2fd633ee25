"""sentry-cli sends symbols with an upload key, unchanged but for its address, and reports are named by them."""

from pathlib import Path

import pytest

from tests.hostile_symbols import dwarf
from tests.senders.conftest import Receiver
from tests.senders.sentry_cli import SentryCli
from tests.symbols import native_event

BUILD_ID = "03020100-0504-0706-0809-0a0b0c0d0e0f"  # of the file that `dwarf` makes


@pytest.fixture(params=["2", "3"])
def cli(request: pytest.FixtureRequest, receiver: Receiver, modules: Path) -> SentryCli:
    app, _ = receiver.new_app(f"Built with {request.param}")
    answer = receiver.http.send("POST", f"/api/apps/{app}/upload_keys", b'{"name":"CI"}')
    return SentryCli(receiver, request.param, app, answer.json["result"]["key"])


def test_a_native_crash_is_named_by_an_uploaded_file(receiver: Receiver, cli: SentryCli, tmp_path: Path):
    (tmp_path / "libcart.so").write_bytes(dwarf())
    app = cli.environ["SENTRY_PROJECT"]

    printed = cli.succeed("debug-files", "upload", "--wait", "libcart.so", folder=tmp_path)
    again = cli.succeed("debug-files", "upload", "--wait", "libcart.so", folder=tmp_path)
    receiver.http.send("POST", f"/api/apps/{app}/logs", native_event(BUILD_ID, 1))
    report = receiver.report_of(app)

    assert f"OK {BUILD_ID}" in printed
    assert "all files are on the server" in again
    [frame, *_] = report["exceptions"][0]["frames"]
    assert (frame["function"], frame["file"]) == ("total", "cart.c")
