"""The audit log as owners of an app and the operator read it; `app.db.models.audit_entry.record` writes it."""

from app.db.models.app import App
from app.db.models.audit_entry import ShownEntry, entries_of
from app.services import Services

OPERATOR = "operator"


def list_entries(services: Services, app: App | None, limit: int, offset: int) -> list[ShownEntry]:
    """Entries of an app, or all there are, newest first."""
    with services.db.read() as session:
        return entries_of(session, app.id if app else None, limit, offset)


def who(shown: ShownEntry) -> str | None:
    """The e-mail of who made the change, or the operator; None for a link without a login, or a removed account."""
    return OPERATOR if shown.entry.by_operator else shown.email
