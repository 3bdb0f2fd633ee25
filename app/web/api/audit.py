"""The audit log of an app: who changed which settings, members and keys."""

from pydantic import Field

from app.db.models.app import App
from app.db.models.audit_entry import ShownEntry, entries_of
from app.identity.access import Access
from app.json_models import ResponseBody, Time
from app.web.api import tags
from app.web.api.resource import Page, Paging, Resource
from app.web.auth import services

resource = Resource("audit", tags.ACCESS, url_prefix="/api/apps/<app_identifier>/audit", access=Access.OWNER)


class AuditEntryBody(ResponseBody, component="AuditEntry"):
    """One change."""

    id: str = Field(examples=["17"])
    happened_at: Time = Field(examples=["2018-09-13T12:00:00Z"])
    who: str | None = Field(
        description="E-mail; `operator` for the command line; null for a link without a login, or a removed account",
        examples=["grace@example.com"],
    )
    action: str = Field(examples=["member.added"])
    subject: str = Field(description="Ids, e-mails and names of settings; no values", examples=["ada@example.com"])


@resource.get("", "listAuditEntries", "Who changed settings, members and keys", about="Newest first")
def list_all(app: App, paging: Paging) -> Page[AuditEntryBody]:
    """The audit log of an app, newest first."""
    with services().db.read() as session:
        return Page.of(entries_of(session, app.id, paging.limit, paging.offset), paging, _body)


def _body(shown: ShownEntry) -> AuditEntryBody:
    return AuditEntryBody.of(shown.entry, id=str(shown.entry.id), who=shown.who)
