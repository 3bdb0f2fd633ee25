"""Ingest keys of an app, with the DSN of each. Members only."""

from typing import Annotated

from flask import request
from pydantic import Field

from app.db.models.app import App
from app.identity import keys
from app.identity.access import Access
from app.json_models import ResponseBody, Time
from app.web.api import tags
from app.web.api.resource import Resource
from app.web.auth import services

resource = Resource("keys", tags.ACCESS, url_prefix="/api/apps/<app_identifier>/keys", access=Access.OWNER)
KeyIdentifier = Annotated[str, Field(description="From the list of keys")]


class IngestKeyBody(ResponseBody, component="IngestKey"):
    """An ingest key as members see it."""

    identifier: str = Field(examples=["b6f2d9c04e7a1358b6f2d9c0"])
    name: str = Field(examples=["First key"])
    key: str | None = Field(description="null where only its hash is kept")
    dsn: str | None = Field(description="What Sentry's SDKs are given")
    created_at: Time


@resource.get("", "listIngestKeys", "Ingest keys of an app and their DSNs", access=Access.MEMBER, about="Oldest first")
def list_all(app: App) -> list[IngestKeyBody]:
    """The keys of the app, oldest first; there are few."""
    return [IngestKeyBody.of(key) for key in keys.ingest_keys(services(), app, request.url_root)]


@resource.post("", "addIngestKey", "Make one more ingest key", status=201, about="The key", errors=(409,), by_key=False)
def add(app: App, body: keys.NewIngestKey) -> IngestKeyBody:
    """Make one more key."""
    return IngestKeyBody.of(keys.add_ingest_key(services(), app, body, request.url_root))


@resource.delete("/<key_identifier>", "revokeIngestKey", "Let nobody send with a key any more", about="Done")
def revoke(app: App, key_identifier: KeyIdentifier) -> None:
    """Let nobody send with a key any more."""
    keys.revoke_ingest_key(services(), app, key_identifier)
