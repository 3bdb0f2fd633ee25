"""Backups: everything of a service in one folder, made beside it while it runs; and back into an empty one.

The database first, as one snapshot, then the store. An object is never changed, so each is the one that the rows mean;
what comes meanwhile has no row, and what is deleted meanwhile a row that is known to lack it. `crashq doctor` mends both.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from app import iso_time
from app.batched import batched
from app.config import SECRET_FILE
from app.db.dump import dump, is_empty, kind_of, load
from app.errors import AppError
from app.operations.schema import upgrade
from app.services import Services
from app.storage import ObjectNotFound, ObjectStat, Storage, open_storage
from app.telemetry.canary import FOLDER as CANARY

MANIFEST, OBJECTS, LISTING = "backup.json", "objects", "objects.ndjson"
FORMAT = 1
AT_ONCE = 8  # objects copied side by side
BATCH = 400  # objects that are copied at a time

Progress = Callable[[int, int], None]
"""Called with (objects so far, bytes so far)."""


class BackupRefused(AppError):
    """A folder is not what it has to be."""

    code, status = "backup_refused", 409


class Copied(NamedTuple):
    """An object in a backup."""

    key: str
    size: int  # bytes
    sha256: str


class Sum(NamedTuple):
    """What a backup holds, or what was restored."""

    objects: int
    size: int  # bytes of them


def back_up(services: Services, folder: Path, *, secret: Path | None, previous: Path | None, progress: Progress) -> Sum:
    """Write a backup into a folder that is new or empty. The manifest comes last: without it the backup is not whole.

    `secret` is the file of an embedded service's SECRET_KEY. An object that the `previous` backup has is linked, not
    copied. Raises BackupRefused, DumpFailed or TransientError.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupRefused(f"{folder} is not empty; each backup has a folder of its own")
    if previous is not None:
        _manifest(previous)
    (folder / OBJECTS).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    made_at = services.now()
    dump(services.config.database_url, folder)
    target = open_storage((folder / OBJECTS).resolve().as_uri(), is_marked=False)
    known = previous / OBJECTS if previous else None
    objects = size = 0
    with (folder / LISTING).open("w") as listing, ThreadPoolExecutor(AT_ONCE) as pool:
        stored = (stat for stat in services.storage.list("") if not stat.key.startswith(f"{CANARY}/"))
        for batch in batched(stored, BATCH):
            for copied in pool.map(lambda stat: _copy(services.storage, target, folder, known, stat), batch):
                if copied is None:
                    continue
                listing.write(json.dumps(copied._asdict()) + "\n")
                objects, size = objects + 1, size + copied.size
            progress(objects, size)
        listing.flush()
        os.fsync(listing.fileno())
    if secret is not None:
        _write(folder / SECRET_FILE, secret.read_bytes())
    manifest = {"format": FORMAT, "crashq": version("crashq"), "made_at": iso_time.rfc3339(made_at),
            "database": kind_of(services.config.database_url), "objects": objects, "bytes": size}  # fmt: skip
    _write(folder / MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
    return Sum(objects, size)


def restore(services: Services, folder: Path, progress: Progress) -> Sum:
    """Bring a backup into an empty database and its store, and the schema up to this release.

    The database comes last, so what was interrupted can be done again. Raises BackupRefused when a byte is not as it was
    backed up, when the backup is not whole, or when the database holds something.
    """
    manifest = _manifest(folder)
    if not is_empty(services.config.database_url):
        raise BackupRefused("The database is not empty; a backup is restored into a new one")
    services.storage.set_up()
    objects = size = 0
    with (folder / LISTING).open() as listing, ThreadPoolExecutor(AT_ONCE) as pool:
        for batch in batched((Copied(**json.loads(line)) for line in listing), BATCH):
            for copied in pool.map(lambda one: _bring_back(services.storage, folder, one), batch):
                objects, size = objects + 1, size + copied.size
            progress(objects, size)
    if (objects, size) != (manifest["objects"], manifest["bytes"]):
        raise BackupRefused(f"{LISTING} and {MANIFEST} do not agree")
    load(services.config.database_url, folder)
    upgrade(services.db)
    return Sum(objects, size)


def _copy(source: Storage, target: Storage, folder: Path, previous: Path | None, stat: ObjectStat) -> Copied | None:
    """Copy one object; None when it has been deleted meanwhile."""
    measured = hashlib.sha256()
    linked = previous / stat.key if previous else None
    path = folder / OBJECTS / stat.key
    if linked is not None and linked.is_file() and linked.stat().st_size == stat.size:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(linked, path)
        with path.open("rb") as file:
            return Copied(stat.key, stat.size, hashlib.file_digest(file, "sha256").hexdigest())
    try:
        target.put(stat.key, _hashed(source.stream(stat.key), measured))
    except ObjectNotFound:
        return None
    return Copied(stat.key, path.stat().st_size, measured.hexdigest())


def _bring_back(target: Storage, folder: Path, one: Copied) -> Copied:
    source = open_storage((folder / OBJECTS).resolve().as_uri(), is_marked=False)
    try:
        target.put(one.key, _checked(source.stream(one.key), one))
    except ObjectNotFound:
        raise BackupRefused(f"The backup lacks {one.key}") from None
    return one


def _checked(chunks: Iterable[bytes], one: Copied) -> Iterator[bytes]:
    """The same chunks; raises at their end when they are not what they were, and then nothing is stored."""
    measured = hashlib.sha256()
    yield from _hashed(chunks, measured)
    if measured.hexdigest() != one.sha256:
        raise BackupRefused(f"{one.key} is not as it was when it was backed up")


def _hashed(chunks: Iterable[bytes], measured: Any) -> Iterator[bytes]:
    for chunk in chunks:
        measured.update(chunk)
        yield chunk


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except FileNotFoundError:
        raise BackupRefused(f"{folder} has no {MANIFEST}: it is no backup, or one that was not finished") from None
    if found.get("format") != FORMAT:
        raise BackupRefused(f"{folder} was made by another release: format {found.get('format')}")
    return found


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
