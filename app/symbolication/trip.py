"""The symbols of the apps whose logs are read together: an app without any costs nothing, each image is asked for once."""

from collections.abc import Mapping

from app.crashes.log import CrashLog
from app.db.symbols import has_symbols
from app.services import Services
from app.symbolication.opened import OpenedSymbols
from app.symbols.resolving import Resolved, resolve


class TripSymbols:
    """Finds the symbols of each app. Take a new one for each trip: what an app has may have changed since."""

    def __init__(self, services: Services, known: Mapping[int, bool] | None = None) -> None:
        """`known` tells of apps (row ids) whether they have symbols; others are asked about when their turn comes."""
        self._services = services
        self._known = dict(known or {})
        self._opened: dict[int, OpenedSymbols] = {}

    def resolve(self, app_id: int, report: CrashLog) -> Resolved:
        """A report of the app with the frames named that tell the crash, and what it waits for. Raises TransientError."""
        opened = self._of(app_id)
        return opened.resolve(report, only_crash=True) if opened else resolve(report, _nothing, None, only_crash=True)

    def _of(self, app_id: int) -> OpenedSymbols | None:
        if app_id not in self._known:
            with self._services.db.read() as session:
                self._known[app_id] = has_symbols(session, app_id)
        if not self._known[app_id]:
            return None
        if app_id not in self._opened:
            self._opened[app_id] = OpenedSymbols(self._services.db, self._services.storage, app_id)
        return self._opened[app_id]


def _nothing(_debug_id: str) -> None:
    return None
