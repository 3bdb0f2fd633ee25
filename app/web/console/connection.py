"""What apps send with: address, key and DSN of an app, for the pages that show how to connect."""

from typing import NamedTuple

from app.db.models.app import App
from app.identity import keys
from app.identity.keys import ShownKey
from app.web.auth import services
from app.web.console.page import server_address
from app.web.console.snippets import Snippet, snippets

PLACEHOLDER = "KEY"


class Connection(NamedTuple):
    """An app's ingest keys and what they are put into."""

    rows: list[ShownKey]
    chosen: ShownKey | None  # whose text is known; None: PLACEHOLDER stands in its place
    dsn: str
    snippets: list[Snippet]


def connection_of(app: App, wanted: str = "", *, is_hidden: bool = False) -> Connection:
    """With the key of this identifier, else the first whose text is known; `is_hidden`: with none."""
    base = server_address()
    rows = [] if is_hidden else keys.ingest_keys(services(), app, base)
    known = [row for row in rows if row.key]
    chosen = next((row for row in known if row.identifier == wanted), known[0] if known else None)
    key = chosen.key if chosen and chosen.key else PLACEHOLDER
    dsn = chosen.dsn if chosen and chosen.dsn else keys.dsn_of(services().config, app, PLACEHOLDER, base)
    return Connection(rows, chosen, dsn, snippets(base, app.identifier, app.id, key, dsn))
