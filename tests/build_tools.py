"""What build tools of Sentry send, made up: chunks, and requests to put files together from them."""

import gzip
import hashlib
import io
import json
import zipfile
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

CHUNKS = "/api/0/organizations/any/chunk-upload/"


def sha1(content: bytes) -> str:
    """The SHA-1 of a file or a chunk, as tools write it."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def cut(content: bytes, size: int = 1_000) -> list[bytes]:
    """A file in chunks."""
    return [content[at : at + size] for at in range(0, len(content), size)]


def send_chunks(client: FlaskClient, headers: dict[str, str], *chunks: bytes, **named: str) -> TestResponse:
    """Send chunks, packed; `name` is the SHA-1 that they are said to have."""
    files = [(io.BytesIO(gzip.compress(one, mtime=0)), named.get("name", sha1(one))) for one in chunks]
    return client.post(CHUNKS, data={"file_gzip": files}, headers=headers)


def assemble(
    client: FlaskClient,
    headers: dict[str, str],
    project: str | int,
    content: bytes,
    name: str = "cart.sym",
    **more: Any,
) -> TestResponse:
    """Ask for one file of debug information."""
    wanted = {"name": name, "chunks": [sha1(one) for one in cut(content)], **more}
    return client.post(
        f"/api/0/projects/any/{project}/files/difs/assemble/", json={sha1(content): wanted}, headers=headers
    )


def sent(
    client: FlaskClient, headers: dict[str, str], project: str | int, content: bytes, **more: Any
) -> dict[str, Any]:
    """Send a file as sentry-cli does; returns how far it is once its chunks are there."""
    told: Any = assemble(client, headers, project, content, **more).json
    missing = told[sha1(content)]["missingChunks"]
    if missing:
        answer = send_chunks(client, headers, *{one for one in cut(content) if sha1(one) in missing})
        assert answer.status_code == 200, answer.data
    answer = assemble(client, headers, project, content, **more)
    assert answer.status_code == 200, answer.data
    state: dict[str, Any] = answer.get_json()[sha1(content)]
    return state


def bundle(
    *files: tuple[str, bytes, dict[str, Any]], compression: int = zipfile.ZIP_DEFLATED, **attributes: str
) -> bytes:
    """A bundle of files as tools make it: (path, content, what the manifest says of it) of each."""
    made = io.BytesIO()
    made.write(b"SYSB" + (2).to_bytes(4, "little"))
    manifest = {"files": {path: told for path, _, told in files}, **attributes}
    with zipfile.ZipFile(made, "a", compression) as opened:
        for path, content, _ in files:
            opened.writestr(path, content)
        opened.writestr("manifest.json", json.dumps(manifest))
    return made.getvalue()


def script_bundle(source_map: bytes, debug_id: str | None = None, script: str = "~/js/main.js") -> bytes:
    """A bundle of a minified script and its source map."""
    headers = {"debug-id": debug_id} if debug_id else {}
    reference = script.rpartition("/")[2] + ".map"
    return bundle(
        ("files/_/_/js/main.js", b"x", {"type": "minified_source", "url": script,
                                        "headers": {**headers, "sourcemap": reference}}),
        ("files/_/_/js/main.js.map", source_map, {"type": "source_map", "url": f"{script}.map", "headers": headers}),
    )  # fmt: skip


def assemble_bundle(
    client: FlaskClient, headers: dict[str, str], projects: list[str], content: bytes, **more: Any
) -> TestResponse:
    """Ask for one bundle."""
    wanted = {"checksum": sha1(content), "chunks": [sha1(one) for one in cut(content)], "projects": projects}
    wanted |= more
    return client.post("/api/0/organizations/any/artifactbundle/assemble/", json=wanted, headers=headers)
