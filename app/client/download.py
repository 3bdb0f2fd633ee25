"""Fetches a stored file into `<name>.part`, goes on where it was cut off, checks it, and only then gives it its name."""

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.client.errors import BadAnswer, ClientError, Damaged, NotAllowed, Refused, Unreachable
from app.client.models import RemoteFile
from app.client.patience import Patience
from app.client.target import check_link
from app.client.wire import Request, Wire

BLOCK = 1024 * 1024  # bytes
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
GONE = (401, 403, 404, 410)  # a link that has expired, or was signed with another secret: a new one may work
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')

OnBytes = Callable[[int, int], None]
"""Told how many bytes are there, of how many."""


def safe_name(filename: str) -> str:
    """The name itself. Raises BadAnswer where it is none that a server of crashq gives: it must not lead elsewhere."""
    if not PLAIN_NAME.fullmatch(filename) or filename.endswith((".part", ".part.etag")):
        raise BadAnswer("The server gave a file name that is not safe to use")
    return filename


def is_whole(path: Path, file: RemoteFile) -> bool:
    """True when the file is there with the bytes that were promised."""
    return path.is_file() and path.stat().st_size == file.size and _sha256(path) == file.sha256


def fetch(
    wire: Wire, file: RemoteFile, target: Path, renew: Callable[[], RemoteFile], on_bytes: OnBytes, patience: Patience
) -> Path:
    """The file at `target`, whole and checked. Raises ClientError or OSError; what has come so far stays in `.part`.

    `renew` gives the same file with a new link, for when this one is no longer good.
    """
    if is_whole(target, file):
        on_bytes(file.size, file.size)
        return target
    part, tag = _beside(target, ".part"), _beside(target, ".part.etag")
    with _locked(part) as opened:
        is_fresh = os.fstat(opened.fileno()).st_size == 0
        _fill(wire, file, opened, tag, renew, on_bytes, patience)
        if _sha256(part) != file.sha256 and not is_fresh:  # what an earlier run left may be what is wrong
            opened.truncate(0)
            _fill(wire, file, opened, tag, renew, on_bytes, patience)
        if _sha256(part) != file.sha256:
            part.unlink()
            tag.unlink(missing_ok=True)
            raise Damaged(f"{target.name} does not have the SHA-256 that the server promised", "Fetch it again")
        part.replace(target)
        tag.unlink(missing_ok=True)
    return target


def _fill(
    wire: Wire,
    file: RemoteFile,
    opened: IO[bytes],
    tag: Path,
    renew: Callable[[], RemoteFile],
    on_bytes: OnBytes,
    patience: Patience,
) -> None:
    """Bring the part to its full size."""
    renewed_at = -1  # bytes; a new link is asked for once at each place
    while True:
        start = _start(opened, tag, file.size)
        if start == file.size and start > 0:
            return
        try:
            _receive(wire, file, opened, tag, start, on_bytes, patience)
            return
        except Refused as problem:
            if problem.status == 416:
                _forget(opened, tag)
                if start == 0:
                    raise
            elif problem.status in GONE and renewed_at != start:
                renewed_at, file = start, _same(file, renew())
            else:
                patience.after(problem)
        except ClientError as problem:
            if os.fstat(opened.fileno()).st_size > start:
                patience.progressed()
            patience.after(problem)


def _receive(
    wire: Wire, file: RemoteFile, opened: IO[bytes], tag: Path, start: int, on_bytes: OnBytes, patience: Patience
) -> None:
    check_link(file.url, insecure=wire.insecure)
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": tag.read_text()}
    request = Request("GET", file.url, headers=headers, is_link=True)
    with wire.opened(request, patience) as response:
        place = _place(response.status, response.headers, start, file.size)
        if place == 0:
            _forget(opened, tag)
            if _STRONG_TAG.fullmatch(found := response.headers.get("ETag", "")):
                tag.write_text(found)
        opened.seek(place)
        for chunk in wire.chunks(response, patience):
            place += len(chunk)
            if place > file.size:
                _forget(opened, tag)
                raise Damaged("The server sends more bytes than it promised", "Fetch it again")
            opened.write(chunk)
            opened.flush()
            on_bytes(place, file.size)
    if place < file.size:
        raise Unreachable("The file was cut off")


def _place(status: int, headers: Mapping[str, str], start: int, size: int) -> int:
    """Where the bytes of an answer begin. Raises BadAnswer or Damaged."""
    if status == 206:
        match = _RANGE.fullmatch(headers.get("Content-Range", ""))
        if not match or int(match[1]) != start or int(match[3]) != size:
            raise BadAnswer("The server sends other bytes of the file than were asked for", "Fetch it again")
        return start
    if status != 200:
        raise BadAnswer(f"The server answered {status} instead of a file")
    length = headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length) != size:
        raise Damaged("The server sends another number of bytes than it promised", "Fetch it again")
    return 0


def _start(opened: IO[bytes], tag: Path, size: int) -> int:
    """How many bytes are there to go on from; 0 where the version of the file that they are of is unknown."""
    there = os.fstat(opened.fileno()).st_size
    if there > size or (there and not (tag.is_file() and _STRONG_TAG.fullmatch(tag.read_text(errors="replace")))):
        _forget(opened, tag)
        return 0
    return there


def _forget(opened: IO[bytes], tag: Path) -> None:
    opened.truncate(0)
    tag.unlink(missing_ok=True)


def _same(file: RemoteFile, renewed: RemoteFile) -> RemoteFile:
    """The renewed file. Raises Damaged when it is another one by now."""
    if (renewed.sha256, renewed.size) != (file.sha256, file.size):
        raise Damaged("The file was made anew meanwhile", "Fetch it again")
    return renewed


@contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """The part, opened to be written by nobody else."""
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    with os.fdopen(descriptor, "r+b") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotAllowed(f"{part.name} is being fetched by another program", "Let it finish") from None
        yield opened


def _beside(target: Path, ending: str) -> Path:
    return target.with_name(target.name + ending)


def _sha256(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as opened:
        while block := opened.read(BLOCK):
            hashed.update(block)
    return hashed.hexdigest()
