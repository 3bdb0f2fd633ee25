"""Personal keys of a user: for scripts, which then need no password."""

from pydantic import Field

from app.identity import keys
from app.identity.access import Access
from app.json_models import ResponseBody, Time
from app.web.api import tags
from app.web.api.keys import KeyIdentifier
from app.web.api.resource import Answer, Page, Paging, Resource
from app.web.auth import services

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
