"""What people decide about crashes and say about them, as `Client` sends it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.client.models import ChangedCrash, Comment, Crash, HistoryEntry, read
from app.client.pages import pages
from app.client.questions import part
from app.client.wire import Request, Wire

JSON = {"Content-Type": "application/json"}


class TriageCalls:
    """The calls of `Client` about states, assignees, comments and history."""

    _wire: Wire

    def change_crash(self, crash: str, change: Mapping[str, Any]) -> Crash:
        """Change `state` (with `resolved_in` or `ignored_until`) or `assignee` of a crash; as it is afterwards."""
        return read(Crash, self._send("PATCH", f"/api/crashes/{part(crash)}", change))

    def change_crashes(self, app: str, crashes: Iterable[str], change: Mapping[str, Any]) -> list[ChangedCrash]:
        """The same of many crashes of an app, all at once; what became of each."""
        body = {"identifiers": list(crashes), **change}
        return [read(ChangedCrash, one) for one in self._send("PATCH", f"/api/apps/{part(app)}/crashes", body)]

    def comment(self, crash: str, text: str) -> Comment:
        """Comment on a crash. Never repeated by itself."""
        path = f"/api/crashes/{part(crash)}/comments"
        return read(Comment, self._send("POST", path, {"text": text}, is_safe_to_repeat=False))

    def comments(self, crash: str) -> Iterator[Comment]:
        """The comments on a crash, newest first."""
        return pages(self._wire, Comment, f"/api/crashes/{part(crash)}/comments", {})

    def history(self, crash: str) -> Iterator[HistoryEntry]:
        """Who changed what about a crash, and when, newest first."""
        return pages(self._wire, HistoryEntry, f"/api/crashes/{part(crash)}/history", {})

    def _send(self, method: str, path: str, body: Mapping[str, Any], *, is_safe_to_repeat: bool = True) -> Any:
        request = Request(
            method, path, headers=JSON, body=json.dumps(body).encode(), is_safe_to_repeat=is_safe_to_repeat
        )
        return self._wire.call(request).result
