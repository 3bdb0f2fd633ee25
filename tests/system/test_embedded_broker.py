"""The broker of `crashq up` serves only those who can read the data folder, whichever program it is."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.cli.processes import Processes, start_broker
from tests.system.test_crashq_up import WITHOUT_REDIS_SERVER


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory) -> Iterator[str]:
    """URL of the broker on a machine without redis-server."""
    folder = tmp_path_factory.mktemp("data")
    processes = Processes(folder / "logs")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", WITHOUT_REDIS_SERVER["PATH"])
            url = start_broker(processes, folder)
        yield url
    finally:
        processes.stop()


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("password", [None, "guessed"])
def test_the_stand_in_refuses_clients_that_do_not_know_its_password(stand_in, password, protocol):
    port, once = urlsplit(stand_in).port, Retry(NoBackoff(), 0)
    client = redis.Redis(port=port, password=password, protocol=protocol, retry=once)
    with client, pytest.raises(redis.ConnectionError):
        client.ping()


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("username", [None, "default"])
def test_the_stand_in_serves_clients_that_know_it(stand_in, username, protocol):
    with redis.Redis.from_url(stand_in, username=username, protocol=protocol, client_name="me") as client:
        client.lpush("list", "1")

        assert client.brpop(["list"], timeout=1) in ((b"list", b"1"), [b"list", b"1"])


@pytest.mark.parametrize(
    "first",
    [b"PING\r\n", b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nAUTH\r\n$99999999999\r\n", b"*-1\r\n", b"*x\r\n", b"*0\r\n",
     b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", b"GET / HTTP/1.1\r\n\r\n"],
)  # fmt: skip
def test_the_stand_in_does_nothing_for_any_other_first_command_and_hangs_up(stand_in, first):
    with socket.create_connection(("127.0.0.1", urlsplit(stand_in).port), timeout=5) as client:
        client.sendall(first)
        answer = b""
        try:
            while more := client.recv(1_024):
                answer += more
        except ConnectionResetError:
            pass

    assert answer in (b"", b"-NOAUTH Authentication required.\r\n")


def test_the_password_is_in_no_command_line(stand_in):
    password = urlsplit(stand_in).password
    lines = [_read(path) for path in Path("/proc").glob("[0-9]*/cmdline")]

    assert password
    assert not any(password.encode() in line for line in lines)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # that process has ended
        return b""
