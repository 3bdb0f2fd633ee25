"""A finished batch onto the disk: every part checked, the manifest last."""

from collections.abc import Callable
from pathlib import Path

from app.client.download import OnBytes, fetch, safe_name
from app.client.errors import BadAnswer
from app.client.models import Manifest, RemoteFile, read
from app.client.patience import Patience
from app.client.polling import OnProgress, finished
from app.client.wire import Request, Wire

OnFile = Callable[[Path, int, int], OnBytes]
"""Called before each file is fetched, with its path, its number from 1 and the total; returns a callback for its bytes."""


def manifest(wire: Wire, request: Request, on_progress: OnProgress, patience: Patience) -> Manifest:
    """The manifest, once the batch is made. Raises BadAnswer when its figures contradict one another."""
    found = read(Manifest, finished(wire, request, on_progress, patience).result)
    names = [safe_name(part.filename) for part in found.parts]
    if len({*names, safe_name(found.filename)}) != len(names) + 1:
        raise BadAnswer("The manifest names two files alike")
    if (sum(one.size for one in found.parts), sum(one.rows for one in found.parts)) != (found.total_size, found.rows):
        raise BadAnswer("The manifest's figures contradict one another")
    return found


def fetch_all(
    wire: Wire, request: Request, into: Path, on_progress: OnProgress, on_file: OnFile, patience: Patience
) -> tuple[Manifest, list[Path]]:
    """The manifest and the paths of all files. Those that are there and whole are not fetched again."""
    found = manifest(wire, request, on_progress, patience)
    own = {name: getattr(found, name) for name in RemoteFile.model_fields}
    files = [_file(found, number) for number in range(len(found.parts))] + [RemoteFile.model_validate(own)]
    into.mkdir(parents=True, exist_ok=True)

    def renewed(index: int) -> RemoteFile:
        again = manifest(wire, request, on_progress, patience)
        if len(again.parts) != len(found.parts):
            raise BadAnswer("The manifest has changed")
        return _file(again, index) if index < len(again.parts) else again

    paths = []
    for index, file in enumerate(files):
        target = into / safe_name(file.filename)
        on_bytes = on_file(target, index + 1, len(files))
        paths.append(fetch(wire, file, target, lambda index=index: renewed(index), on_bytes, patience))  # type: ignore[misc]
    return found, paths


def _file(found: Manifest, index: int) -> RemoteFile:
    part = found.parts[index]
    return RemoteFile(
        url=part.url,
        filename=part.filename,
        content_type=part.content_type,
        size=part.size,
        sha256=part.sha256,
        expires_at=found.expires_at,
    )
