"""Clients that three generators make of the running service's openapi.json have every operation, and work."""

import json
import re
import shutil
import sys
from pathlib import Path

from tests.generated.conftest import EXPECTED, PROGRAMS, Place, printed, ran
from tests.openapi import operations

ROUTE = re.compile(r'"method": "(\w+)",\s+"url": "([^"]+)"')


def python_client(place: Place, folder: Path) -> str:
    """Generate the package crashq_client with openapi-python-client; returns what that says."""
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--url", place.document_url,
               "--meta", "none", "--output-path", str(folder / "crashq_client")]  # fmt: skip
    return ran(command, folder)


def openapi_typescript(place: Place, folder: Path) -> str:
    """Generate generated/schema.ts with openapi-typescript."""
    return ran(_npm("openapi-typescript", place.document_url, "--output", "generated/schema.ts"), folder)


def hey_api(place: Place, folder: Path) -> str:
    """Generate the client of generated/ with @hey-api/openapi-ts, with names of files as node imports them."""
    config = {"input": place.document_url, "output": {"path": "generated", "module": {"extension": ".js"}}}
    (folder / "openapi-ts.config.mjs").write_text(f"export default {json.dumps(config)}")
    return ran(_npm("openapi-ts", "--no-log-file"), folder)


def built(program: str, folder: Path) -> Path:
    """Compile a program with what was generated, strictly; returns the program that node runs."""
    shutil.copy(PROGRAMS / program, folder / "program.ts")
    shutil.copy(PROGRAMS / "shared.ts", folder)
    ran(_npm("tsc", "--project", "."), folder)
    return folder / "built" / "program.js"


def project(folder: Path, modules: Path) -> None:
    """Make the folder one for TypeScript, with the packages from npm."""
    (folder / "node_modules").symlink_to(modules)
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    shutil.copy(PROGRAMS / "tsconfig.json", folder)


def _npm(program: str, *arguments: str) -> list[str]:
    return ["node", f"node_modules/.bin/{program}", *arguments]


def test_a_client_in_python_has_every_operation_and_works(place: Place, tmp_path: Path):
    said = python_client(place, tmp_path)
    program = [sys.executable, PROGRAMS / "python_client.py", json.dumps(place.for_program())]
    output = ran(program, tmp_path, PYTHONPATH=str(tmp_path))

    code = "".join(path.read_text() for path in (tmp_path / "crashq_client" / "api").rglob("*.py"))
    assert sorted(ROUTE.findall(code)) == sorted((method, path) for method, path, _ in operations(place.document))
    assert "will not be generated" not in said
    told = [  # the other media types of these are supported
        ("/api/{project}/envelope/", "x-sentry-envelope"), ("/api/{project}/v1/logs", "x-protobuf"),
        ("/api/{project}/integration/otlp/v1/logs", "x-protobuf"), ("/v1/logs", "x-protobuf"),
    ]  # fmt: skip
    assert re.findall("WARNING (.*)|Unsupported (.*)|Cannot (.*)", said) == [
        line
        for path, media in told
        for line in ((f"parsing POST {path} within senders.", "", ""), ("", f"content type application/{media}", ""))
    ]
    assert printed(output) == EXPECTED


def test_types_of_openapi_typescript_have_every_operation_and_work(place: Place, modules: Path, tmp_path: Path):
    project(tmp_path, modules)

    said = openapi_typescript(place, tmp_path)
    output = ran(["node", built("openapi_fetch.ts", tmp_path), json.dumps(place.for_program())], tmp_path)

    block = (tmp_path / "generated" / "schema.ts").read_text().partition("export interface operations {")[2]
    names = {operation["operationId"] for _, _, operation in operations(place.document)}
    assert set(re.findall(r"^    (\w+): \{$", block, re.MULTILINE)) == names
    assert "warn" not in said.lower()
    assert printed(output) == EXPECTED


def test_a_client_of_hey_api_has_every_operation_and_works(place: Place, modules: Path, tmp_path: Path):
    project(tmp_path, modules)

    said = hey_api(place, tmp_path)
    output = ran(["node", built("hey_api.ts", tmp_path), json.dumps(place.for_program())], tmp_path)

    code = (tmp_path / "generated" / "sdk.gen.ts").read_text()
    names = {operation["operationId"] for _, _, operation in operations(place.document)}
    assert set(re.findall(r"^export const (\w+) =", code, re.MULTILINE)) == names
    assert "warn" not in said.lower()
    assert printed(output) == EXPECTED
