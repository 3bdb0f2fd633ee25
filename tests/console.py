"""What tests of the console share: a browser that signs in, and reading its pages."""

import re
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories import PASSWORD, Member

OWN = {"Origin": "http://localhost"}
"""What a browser sends with a form of our own page."""

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def sign_in(client: FlaskClient, member: Member) -> FlaskClient:
    """The client with the session's cookie of that member."""
    answer = client.post("/sign-in", data={"email": member.email, "password": PASSWORD}, headers=OWN)
    assert answer.status_code == 303
    return client


def csrf_of(client: FlaskClient, path: str = "/apps") -> str:
    """The CSRF token that a page of this session shows."""
    found = re.search(r'<meta name="csrf-token" content="([0-9a-f]{128})">', client.get(path).text)
    assert found
    return found[1]


def press(client: FlaskClient, path: str, **fields: object) -> TestResponse:
    """Send a form of our own page."""
    return client.post(path, data={"csrf": csrf_of(client), **fields}, headers=OWN)


def said(client: FlaskClient, answer: TestResponse) -> str:
    """What the page that a form led to says."""
    assert answer.status_code == 303, answer.text
    return Page(client.get(answer.location).text).text


class Page(HTMLParser):
    """A page's elements and its text, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of that name, in order."""
        return [attributes for name, attributes in self.elements if name == tag]
