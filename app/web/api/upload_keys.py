"""Upload keys of an app, with which its builds send symbols. Members only."""

from typing import Annotated

from pydantic import Field

from app.db.models.app import App
from app.identity import keys
from app.identity.access import Access
from app.json_models import ResponseBody, Time
from app.web.api import tags
from app.web.api.keys import KeyIdentifier
from app.web.api.resource import Answer, Resource
from app.web.auth import services

resource = Resource(
    "upload_keys", tags.ACCESS, url_prefix="/api/apps/<app_identifier>/upload_keys", access=Access.OWNER
)
_NAME = Annotated[str, Field(examples=["CI"])]


class UploadKeyBody(ResponseBody, component="UploadKey"):
    """An upload key without its text."""

    identifier: str = Field(examples=["b6f2d9c04e7a1358b6f2d9c0"])
    name: _NAME
    created_at: Time


class NewUploadKeyBody(UploadKeyBody):
    """An upload key that has just been made."""

    key: str = Field(
        description="Told only here", examples=["0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"]
    )


@resource.get(
    "", "listUploadKeys", "Keys that may send symbols and nothing else", access=Access.MEMBER, about="Oldest first"
)
def list_all(app: App) -> list[UploadKeyBody]:
    """The keys of the app, oldest first; there are few."""
    return [UploadKeyBody.of(key) for key in keys.upload_keys(services(), app)]


@resource.post(
    "", "addUploadKey", "Make a key that may send symbols and nothing else", status=201, about="The key", errors=(409,),
    headers="Cache-Control", by_key=False,
)  # fmt: skip
def add(app: App, body: keys.NewUploadKey) -> Answer[NewUploadKeyBody]:
    """Make one more key; only this response has its text."""
    made, text = keys.add_upload_key(services(), app, body)
    return Answer(NewUploadKeyBody.of(made, key=text), {"Cache-Control": "no-store"})


@resource.delete("/<key_identifier>", "revokeUploadKey", "Let nobody send symbols with a key any more", about="Done")
def revoke(app: App, key_identifier: KeyIdentifier) -> None:
    """Let nobody send symbols with a key any more."""
    keys.revoke_upload_key(services(), app, key_identifier)
