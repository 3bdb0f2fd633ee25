"""What the description says of every endpoint for senders."""

from typing import Any

from app.web.api.openapi.words import Json

KEYS: list[Json] = [{"senderKey": []}, {"sentryAuth": []}, {"basic": []}, {"bugsnagKey": []}]
ERRORS = (400, 401, 404, 413, 415, 429)
ANY_ORIGIN = (
    "Pages of any origin may send here: a preflight (`OPTIONS`) is answered for the headers that the libraries send."
)


def sent(bodies: dict[str, Json], **more: Any) -> Json:
    """The fields of an operation that takes a body of one of these media types from a sender with an ingest key."""
    content = {media: {"schema": schema} for media, schema in bodies.items()}
    return {"security": KEYS, "requestBody": {"required": True, "content": content}, **more}


def an_object(example: Json) -> Json:
    """Any object, such as this one."""
    return {"type": "object", "examples": [example]}
