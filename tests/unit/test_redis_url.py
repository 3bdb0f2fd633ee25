"""What REDIS_URL may say, and the sentence that tells what is wrong with it."""

import pytest

from app.errors import ConfigError
from app.queueing.redis_url import read_redis_url


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://redis", "has to be redis://"),
        ("redis://", "lacks a host"),
        ("redis://redis:0/0", "bad port"),
        ("redis://redis/first", "a database that is no number"),
        ("redis://redis/0?db=-1", "a database that is no number"),
        ("redis://redis/0?socket_timeout=9", "has the option socket_timeout; known are db, ssl_ca_certs"),
        ("redis://redis/0?ssl_cert_reqs=none", "has ssl_cert_reqs, which needs rediss://"),
        ("rediss://redis/0?ssl_cert_reqs=never", "ssl_cert_reqs that is none of none, optional, required, CERT_NONE"),
        ("rediss://redis/0?ssl_check_hostname=maybe", "ssl_check_hostname that is neither true nor false"),
        ("rediss://redis/0?ssl_ca_certs=/nowhere/ca.pem", "an ssl_ca_certs that is no file"),
        ("redis://redis/0?sentinel_password=p", "has the option sentinel_password"),
        ("unix://", "needs the absolute path of a socket"),
        ("unix://run/redis.sock", "needs the absolute path of a socket"),
        ("redis+sentinel://one,two", "needs the master's name"),
        ("redis+sentinel://one,:26379/name", "lacks a host"),
        ("redis://[::1/0", "cannot be read"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_with_the_reason(url, sentence):
    with pytest.raises(ConfigError, match=f"^REDIS_URL .*{sentence}"):
        read_redis_url(url)


@pytest.mark.parametrize("spelling", ["none", "CERT_NONE"])
def test_certificates_are_left_unchecked_in_the_spelling_of_redis_py_and_of_celery(spelling):
    options = read_redis_url(f"rediss://redis?ssl_cert_reqs={spelling}").options

    assert (options["ssl_cert_reqs"], options["ssl_check_hostname"]) == ("none", False)


def test_certificates_and_hosts_are_checked_unless_it_says_otherwise():
    options = read_redis_url("rediss://redis").options

    assert (options["ssl_cert_reqs"], options["ssl_check_hostname"]) == ("required", True)


def test_sentinels_have_ports_and_logins_of_their_own():
    server = read_redis_url("redis+sentinel://u:p@one,[::1]:5000/name/3?sentinel_username=s&sentinel_password=q")

    assert server.sentinels == (("one", 26379), ("::1", 5000))
    assert (server.master, server.options) == ("name", {"db": 3, "username": "u", "password": "p"})
    assert server.sentinel_options == {"username": "s", "password": "q"}


def test_neither_the_address_for_logs_nor_the_repr_holds_a_password():
    server = read_redis_url("rediss://user:secret@redis:1234/2")

    assert server.address == "redis:1234"
    assert "secret" not in repr(server)
