"""A list that comes in pages, row by row: the next page is fetched when the one before has been taken."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit

from app.client.errors import BadAnswer
from app.client.models import T, read_list
from app.client.wire import Request, Wire

_NEXT = re.compile(r'<([^<>"]+)>;\s*rel="next"')


def pages(wire: Wire, model: type[T], path: str, query: Mapping[str, str]) -> Iterator[T]:
    """Each row of each page; of the link to the next page only the parameters count, so that it leads to no other path."""
    asked: Mapping[str, str] | None = query
    seen: set[frozenset[tuple[str, str]]] = set()
    while asked is not None:
        place = frozenset(asked.items())
        if place in seen:
            raise BadAnswer("The server's list leads back to a page that was read already")
        seen.add(place)
        answer = wire.call(Request("GET", path, asked))
        yield from read_list(model, answer.result)
        link = _NEXT.search(answer.headers.get("Link", ""))
        asked = dict(parse_qsl(urlsplit(link[1]).query)) if link else None
