"""Everything that a service has stored: each column of each row, each object, each key of Redis."""

import base64
import json
from collections.abc import Iterator

import redis
from sqlalchemy import select

from app.db import Base
from app.services import Services


def stored_bytes(services: Services, redis_url: str | None = None) -> Iterator[tuple[str, bytes]]:
    """(where it lies, what it is), of everything; names of objects and keys are stored too."""
    with services.db.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)).mappings():
                for column, value in row.items():
                    yield f"{table.name}.{column}", str(value).encode()
    for stat in services.storage.list(""):
        yield f"name of {stat.key}", stat.key.encode()
        yield stat.key, services.storage.get(stat.key)
    if redis_url:
        with redis.Redis.from_url(redis_url) as client:
            for key in client.scan_iter():
                yield f"redis name {key!r}", key
                yield f"redis {key!r}", client.dump(key) or b""
                for message in client.lrange(key, 0, -1) if client.type(key) == b"list" else ():
                    yield f"message in {key!r}", base64.b64decode(json.loads(message)["body"])


def where_it_lies(services: Services, text: str, redis_url: str | None = None) -> list[str]:
    """Every place whose bytes hold the text, as UTF-8 or UTF-16."""
    forms = (text.encode(), text.encode("utf-16-le"))
    return [place for place, found in stored_bytes(services, redis_url) if any(form in found for form in forms)]
