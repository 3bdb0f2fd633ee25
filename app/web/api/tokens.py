"""Personal keys of a user: for scripts, which then need no password. When one was last used is noted, to the hour."""

from contextlib import suppress
from datetime import datetime

from flask import Response, current_app
from pydantic import Field

from app.errors import TransientError
from app.identity import keys
from app.identity.access import Access
from app.identity.accounts import hash_of
from app.json_models import ResponseBody, Time
from app.web.api import tags
from app.web.api.keys import KeyIdentifier
from app.web.api.resource import Answer, Page, Paging, Resource
from app.web.auth import header_token, services

NOTED = "crashq.noted_keys"
MOST_NOTED = 10_000  # keys of which a process remembers when it noted them; then it forgets all

resource = Resource("tokens", tags.ACCESS, url_prefix="/api/tokens", access=Access.USER)


class PersonalKeyBody(ResponseBody, component="PersonalKey"):
    """A personal key without its text."""

    identifier: str = Field(examples=["b6f2d9c04e7a1358b6f2d9c0"])
    name: str = Field(examples=["Nightly script"])
    created_at: Time
    expires_at: Time
    last_used_at: Time | None = Field(description="To the hour")


class NewPersonalKeyBody(PersonalKeyBody):
    """A personal key that has just been made."""

    token: str = Field(description="Told only here")


@resource.get("", "listPersonalKeys", "Your keys", about="Newest first")
def list_all(user: int, paging: Paging) -> Page[PersonalKeyBody]:
    """The user's keys that have not run out, newest first."""
    return Page.of(keys.personal_keys(services(), user, paging.limit, paging.offset), paging, PersonalKeyBody.of)


@resource.post(
    "", "addPersonalKey", "Make a key that may do what you may; not with a key",
    status=201, about="The key", errors=(409,), headers="Cache-Control", by_key=False,
)  # fmt: skip
def add(user: int, body: keys.NewKey) -> Answer[NewPersonalKeyBody]:
    """Make a key; only this response has its text."""
    made, text = keys.add_personal_key(services(), user, body)
    return Answer(NewPersonalKeyBody.of(made, token=text), {"Cache-Control": "no-store"})


@resource.delete("/<key_identifier>", "revokePersonalKey", "End a key", about="Done", errors=(404,))
def revoke(user: int, key_identifier: KeyIdentifier) -> None:
    """End a key at once."""
    keys.revoke_personal_key(services(), user, key_identifier)


@resource.after_app_request
def note_use(response: Response) -> Response:
    """Record that a personal key opened something."""
    value = header_token() or ""
    if not keys.is_personal_key(value) or response.status_code >= 400:
        return response
    noted: dict[str, datetime] = current_app.extensions.setdefault(NOTED, {})
    now = services().now()
    hashed = hash_of(value)
    before = noted.get(hashed)
    if before is None or now - before >= keys.NOTED_EVERY:
        if len(noted) >= MOST_NOTED:
            noted.clear()
        noted[hashed] = now
        with suppress(TransientError):
            keys.note_personal_key(services(), hashed)
    return response
