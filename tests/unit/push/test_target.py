"""Which URLs and addresses a webhook may have."""

import pytest

from app.webhooks.sending import Refused, addresses_of, read_url

PUBLIC = "93.184.216.34"


def resolved(url: str, *addresses: str, allowed: tuple[str, ...] = ()) -> list[str]:
    return addresses_of(read_url(url), allowed, lambda _host, _port: list(addresses))


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "header"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/", "hooks.example.com"),
        ("http://hooks.example.com:8080/a?b=c", "hooks.example.com", 8080, "/a?b=c", "hooks.example.com:8080"),
        ("https://[2606:4700::1]:444/x", "2606:4700::1", 444, "/x", "[2606:4700::1]:444"),
    ],
)
def test_a_url_is_taken_apart(url, host, port, path, header):
    target = read_url(url)

    assert (target.host, target.port, target.path, target.host_header) == (host, port, path, header)


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example.com", "ftp://example.com", "file:///etc/passwd", "gopher://example.com", "https://", "http://:80/",
     "https://user:pw@example.com", "https://example.com#x", "https://example.com:99999", "https://example.com:0",
     "https://example.com/\r\nX: y", "https://exa mple.com", "https://exämple.com", "https://example.com\\@x",
     "https://[::1", "https://" + "a" * 3_000],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(url):
    with pytest.raises(Refused):
        read_url(url)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.9.1", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "192.0.2.1", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "::", "::1", "fe80::1", "fe80::1%eth0",
     "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
     "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:0a00:0001::1", "2001:db8::1", "fec0::1",
     "192.88.99.1", "3fff::1", "3fff:fff::1", "5f00::1", "100:0:0:1::1", "2001:20::1", "2002:c058:6301::1", "64:ff9b::c058:6301"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused_alone_and_beside_public_ones(address):
    for found in ([address], [PUBLIC, address]):
        with pytest.raises(Refused, match="not a public address"):
            resolved("https://hooks.example.com", *found)


@pytest.mark.parametrize("address", [PUBLIC, "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_public_addresses_are_taken(address):
    assert resolved("https://hooks.example.com", address) == [address]


def test_other_spellings_of_loopback_are_refused_by_the_real_resolver():
    for host in ("2130706433", "0x7f000001", "127.1", "localhost"):
        with pytest.raises(Refused):
            addresses_of(read_url(f"http://{host}/"), ())


def test_a_host_that_is_not_found_is_refused():
    def nowhere(_host: str, _port: int) -> list[str]:
        raise OSError

    with pytest.raises(Refused, match="cannot be found"):
        addresses_of(read_url("https://nowhere.example.com"), (), nowhere)


def test_what_the_operator_allows_is_taken_by_network_or_by_name_and_nothing_else():
    assert resolved("http://intern/", "10.1.2.3", allowed=("10.1.0.0/16",)) == ["10.1.2.3"]
    assert resolved("http://intern/", "::ffff:10.1.2.3", allowed=("10.1.0.0/16",)) == ["::ffff:10.1.2.3"]
    assert resolved("http://INTERN/", "10.9.9.9", allowed=("intern",)) == ["10.9.9.9"]
    for allowed in (("10.1.0.0/16",), ("other",), ("fd00::/8",)):
        with pytest.raises(Refused):
            resolved("http://intern/", "10.9.9.9", allowed=allowed)
