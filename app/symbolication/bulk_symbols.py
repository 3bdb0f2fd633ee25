"""The symbols of the apps whose logs are read together: an app without symbols costs nothing, each image is looked up once."""

from collections.abc import Mapping

from app.crashes.log import CrashLog
from app.db.models.symbols import has_symbols
from app.services import Services
from app.symbolication.opened import OpenedSymbols
from app.symbols.resolving import Resolved, resolve


class BulkSymbols:
    """Finds the symbols of each app. Make a new one for each bulk of logs: the symbols of an app may have changed since."""

    def __init__(self, services: Services, known: Mapping[int, bool] | None = None) -> None:
        """`known`: whether apps (row ids) have symbols; the others are looked up when they are needed."""
        self._services = services
        self._known = dict(known or {})
        self._opened: dict[int, OpenedSymbols] = {}

    def resolve(self, app_id: int, report: CrashLog) -> Resolved:
        """A report with the frames named that identify its crash, and the symbols it waits for. Raises TransientError."""
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
