"""Where a token may go, what a link and a file's name may be."""

import pytest

from app.client.download import safe_name
from app.client.errors import BadAnswer, NotAllowed
from app.client.questions import part
from app.client.target import check_link, read_base


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://crashes.example.com", "https://crashes.example.com"),
        ("https://crashes.example.com/base/", "https://crashes.example.com/base"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://localhost:8000", "http://localhost:8000"),
        (" https://crashes.example.com\n", "https://crashes.example.com"),
    ],
)
def test_https_and_this_machine_are_taken_as_they_are(url, base):
    assert read_base(url, insecure=False) == base


@pytest.mark.parametrize(
    "url",
    ["http://crashes.example.com", "http://192.0.2.1", "http://127.0.0.1.example.com", "http://localhost.example.com"],
)
def test_plain_http_to_another_machine_has_to_be_allowed_on_purpose(url):
    with pytest.raises(NotAllowed, match="plain http"):
        read_base(url, insecure=False)

    assert read_base(url, insecure=True) == url


@pytest.mark.parametrize(
    "url",
    ["", "crashes.example.com", "ftp://example.com", "https://", "https://u:p@example.com", "https://example.com/?a=1",
     "https://example.com/#a", "https://exa mple.com", "https://[::1", "https://example.com:port"],
)  # fmt: skip
def test_what_is_no_address_of_a_server_is_refused(url):
    with pytest.raises(NotAllowed):
        read_base(url, insecure=True)


def test_a_password_in_a_url_is_not_repeated_in_the_error():
    with pytest.raises(NotAllowed) as caught:
        read_base("https://ada:s3cret@example.com", insecure=False)

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "link", ["file:///etc/passwd", "http://192.0.2.1/x", "https://u@example.com/x", "x", "https://e\nx", "https://[::1"]
)
def test_a_link_has_to_be_a_safe_one(link):
    with pytest.raises(BadAnswer):
        check_link(link, insecure=False)


@pytest.mark.parametrize("name", ["2544355787-1536831773-logs-00003-crash-1.json", "a", "2eab-00001.csv", "x" * 200])
def test_names_as_the_server_gives_them_are_kept(name):
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", ".bashrc", "a b", "a\0", "-rf", "x.part", "x" * 201, "à"],
)
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(BadAnswer):
        safe_name(name)


@pytest.mark.parametrize(
    ("name", "quoted"), [("2eab", "2eab"), ("a/b", "a%2Fb"), ("a?b#c", "a%3Fb%23c"), ("a b", "a%20b")]
)
def test_an_identifier_is_one_part_of_the_path(name, quoted):
    assert part(name) == quoted


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_an_identifier_that_would_lead_up_is_refused(name):
    with pytest.raises(NotAllowed):
        part(name)
