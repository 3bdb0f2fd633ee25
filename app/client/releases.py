"""Releases of an app, as `Client` reads them."""

from collections.abc import Iterator

from app.client import polling
from app.client.models import Release, read
from app.client.questions import When, iso_text, part, set_only
from app.client.wire import Request, Wire

PER_PAGE = 200  # the most that the server gives


class ReleaseCalls:
    """The calls of `Client` about releases."""

    _wire: Wire

    def releases(
        self, app: str, since: When | None = None, until: When | None = None, environment: str | None = None
    ) -> Iterator[Release]:
        """The releases of an app, by version, newest first; figures are of these days, by default the last 30."""
        asked: dict[str, str | int | None] = {
            "since_date": iso_text(since), "until_date": iso_text(until), "environment": environment, "per_page": PER_PAGE,
        }  # fmt: skip
        page = 1
        while True:
            query = set_only(asked | {"page": page})
            found = polling.finished(
                self._wire, Request("GET", f"/api/apps/{part(app)}/releases", query), _ignore, self._wire.patience()
            ).result
            yield from (read(Release, one) for one in found["releases"])
            if page * PER_PAGE >= int(found["total"]):
                return
            page += 1


def _ignore(_progress: object) -> None:
    """Releases are counted within seconds."""
