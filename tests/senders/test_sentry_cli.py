"""sentry-cli sends symbols with an upload key, unchanged but for its address, and reports are named by them."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.hostile_symbols import dwarf
from tests.senders.conftest import Receiver
from tests.senders.sentry_cli import SentryCli
from tests.sentry_events import sentry_event
from tests.symbols import java_event, mapping, native_event, script_event, source_map
from tests.system.conftest import until

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


def test_a_java_crash_is_named_by_the_mapping_of_its_uuid(receiver: Receiver, cli: SentryCli, tmp_path: Path):
    uuid = "0a0b0c0d-0000-4000-8000-00000000000a"
    (tmp_path / "mapping.txt").write_bytes(mapping("a.b", "total", "pay"))
    app = cli.environ["SENTRY_PROJECT"]
    sources = "0a0b0c0d-0000-4000-8000-00000000000b"
    images = {"images": [{"type": "proguard", "uuid": uuid}, {"type": "jvm", "debug_id": sources}]}
    (tmp_path / "main/com/example/shop").mkdir(parents=True)
    (tmp_path / "main/com/example/shop/Cart.kt").write_text("class Cart {\n    fun total()\n    fun pay()\n}\n")
    (tmp_path / "out").mkdir()

    older = () if cli.major == "3" else ("--app-id", "com.example.shop", "--version", "1.2", "--version-code", "45")
    cli.succeed("upload-proguard", "--uuid", uuid, *older, "mapping.txt", folder=tmp_path)
    cli.succeed("debug-files", "bundle-jvm", "--output", "out", "--debug-id", sources, "main", folder=tmp_path)
    cli.succeed("debug-files", "upload", "--type", "jvm", "--wait", "out", folder=tmp_path)
    symbols = until(lambda: all_read(receiver, app), "the mapping")
    receiver.http.send("POST", f"/api/apps/{app}/logs", java_event("a.b", 2, 1, debug_meta=images))
    report = receiver.report_of(app)

    frames = report["exceptions"][0]["frames"]
    assert any(uuid in one["debug_ids"] for one in symbols)
    assert [frame["function"] for frame in frames] == ["pay", "total"]
    assert [frame["source"]["context_line"] for frame in frames] == ["    fun pay()", "    fun total()"]


@pytest.mark.parametrize("by", ["debug id", "release"])
def test_a_minified_script_is_named_by_its_uploaded_map(receiver: Receiver, cli: SentryCli, tmp_path: Path, by: str):
    (tmp_path / "main.js").write_text("function a(b){throw new Error(b)}a(1);\n//# sourceMappingURL=main.js.map\n")
    (tmp_path / "main.js.map").write_bytes(
        source_map((16, "src/cart.ts", 9, 3, "pay"), (34, "src/main.ts", 4, 1, "boot"))
    )
    app, file, debug_meta = cli.environ["SENTRY_PROJECT"], "https://shop.example.com/js/main.js", {}

    if by == "debug id":
        cli.succeed("sourcemaps", "inject", ".", folder=tmp_path)
        found = re.search(r"debugId=(\S+)", (tmp_path / "main.js").read_text())
        assert found
        debug_meta = {"images": [{"type": "sourcemap", "code_file": file, "debug_id": found[1]}]}
    line = (tmp_path / "main.js").read_text().splitlines().index("function a(b){throw new Error(b)}a(1);") + 1
    release = () if by == "debug id" else ("--release", "shop@1.2")
    cli.succeed("sourcemaps", "upload", "--wait", *release, ".", folder=tmp_path)
    event = script_event(("a", 16), ("?", 34), file=file, debug_meta=debug_meta)
    event = event.replace(b'"lineno": 1,', b'"lineno": %d,' % line)
    receiver.http.send("POST", f"/api/apps/{app}/logs", event)
    report = receiver.report_of(app)

    places = [(frame["file"], frame["line"]) for frame in report["exceptions"][0]["frames"]]
    assert places == [("src/cart.ts", 9), ("src/main.ts", 4)]


def test_a_react_native_crash_is_named_by_what_its_gradle_build_sends(
    receiver: Receiver, cli: SentryCli, tmp_path: Path
):
    name, release = "index.android.bundle", {"release": "com.example.shop@1.2+45", "dist": "45"}
    (tmp_path / name).write_text("function a(b){throw new Error(b)}a(1);\n")
    (tmp_path / f"{name}.map").write_bytes(source_map((16, "src/cart.ts", 9, 3, "pay")))

    cli.succeed(
        "react-native", "gradle", "--bundle", name, "--sourcemap", f"{name}.map", "--release", release["release"],
        "--dist", release["dist"], "--wait", folder=tmp_path,
    )  # fmt: skip
    event = script_event(("a", 16), file=f"app:///{name}", **release)
    receiver.http.send("POST", f"/api/apps/{cli.environ['SENTRY_PROJECT']}/logs", event)
    report = receiver.report_of(cli.environ["SENTRY_PROJECT"])

    assert report["exceptions"][0]["frames"][0]["file"] == "src/cart.ts"


def test_a_release_is_made_finalized_deployed_and_listed(cli: SentryCli, tmp_path: Path):
    for order in (["init", "-q"], ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty",
                                   "-m", "One"]):  # fmt: skip
        subprocess.run(["git", *order], cwd=tmp_path, check=True)

    for command in (
        "info", "releases new shop@1.2+45", "releases set-commits --auto shop@1.2+45", "releases finalize shop@1.2+45",
        "deploys new -r shop@1.2+45 -e production", "releases restore shop@1.2+45", "projects list",
        "organizations list", "repos list",
    ):  # fmt: skip
        cli.succeed(*command.split(), folder=tmp_path)
    listed = cli.succeed("releases", "list", folder=tmp_path)
    deploys = cli.succeed("deploys", "list", "-r", "shop@1.2+45", folder=tmp_path)
    deleted = cli.succeed("releases", "delete", "shop@1.2+45", folder=tmp_path)

    assert "shop@1.2+45" in listed
    assert "production" in deploys
    assert "Deleted release" in deleted


def test_what_is_refused_is_shown_with_the_reason(receiver: Receiver, cli: SentryCli, tmp_path: Path):
    (tmp_path / "mapping.txt").write_text("com.example.shop.Cart -> a.b:\n    1:1:int total():21 -> c\n")
    (tmp_path / "libcart.so").write_bytes(dwarf())
    unknown = cli.run("debug-files", "upload", "libcart.so", folder=tmp_path, SENTRY_AUTH_TOKEN="0" * 64)
    other_app, _ = receiver.new_app("Of others")
    foreign = cli.run("debug-files", "upload", "libcart.so", folder=tmp_path, SENTRY_PROJECT=other_app)

    assert (unknown.returncode, foreign.returncode) == (1, 1)
    assert "Authentication token missing, unknown or expired" in unknown.stderr
    assert "roject not found" in foreign.stderr
    for command, sentence in {
        "releases archive shop@1.2": "Releases are not archived", "monitors list": "Monitors are not supported",
        "issues list": "Issues are crashes here", "events list": "read occurrences in the console",
    }.items():  # fmt: skip
        refused = cli.run(*command.split(), folder=tmp_path)
        assert (refused.returncode, sentence in refused.stderr) == (1, True), refused.stderr


def test_events_are_sent_by_the_dsn(receiver: Receiver, cli: SentryCli, tmp_path: Path):
    app, dsn = receiver.new_app("By DSN")
    event = {**json.loads(sentry_event("ada")), "event_id": "a" * 32}
    (tmp_path / "event.json").write_text(json.dumps(event))
    (tmp_path / "event.envelope").write_text(
        "\n".join(["{}", json.dumps({"type": "event"}), json.dumps({**event, "event_id": "b" * 32}), ""])
    )

    cli.succeed("send-event", "event.json", folder=tmp_path, SENTRY_DSN=dsn)
    cli.succeed("send-event", "-m", "a note was lost", folder=tmp_path, SENTRY_DSN=dsn)
    cli.succeed("send-envelope", "event.envelope", folder=tmp_path, SENTRY_DSN=dsn)

    logs = until(lambda: all_digested(receiver, app, 3), "three logs")
    assert [log["status"] for log in logs] == ["digested"] * 3


def all_read(receiver: Receiver, app: str) -> list[dict]:
    """The symbols of an app once there are some and none waits."""
    symbols = receiver.http.send("GET", f"/api/apps/{app}/symbols").json["result"]
    return symbols if symbols and all(one["state"] == "ready" for one in symbols) else []


def all_digested(receiver: Receiver, app: str, number: int) -> list[dict]:
    """The logs of an app once there are so many and none waits."""
    logs = receiver.http.send("GET", f"/api/apps/{app}/logs").json["result"]
    return logs if len(logs) == number and all(log["status"] != "received" for log in logs) else []
