"""Requests as only a socket can send them: slow bodies, or none, bodies that were refused, and no Host or two of them."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from app.cli.demo import Http
from tests.factories import kscrash
from tests.system.conftest import Operator, digested, log_in, until

TIMEOUT = 3  # seconds that a body may take here
HEAD = "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{more}\r\n{{"
SLOW = ("/api/login", "/sign-in", "/api/1/envelope/")  # the body names the sender
FORM = "Content-Type: application/x-www-form-urlencoded\r\nOrigin: http://localhost\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Http, str, str]]:
    """(a member's client, their app, its ingest key)."""
    environ = {"CRASHQ_BODY_TIMEOUT": str(TIMEOUT), "CRASHQ_WRONG_PASSWORDS_PER_MINUTE": "1000"}
    operator = Operator(tmp_path_factory.mktemp("slow") / "data", environ)
    with operator.up() as (_, http_client):
        app, key = operator.add_account()
        log_in(http_client)
        yield http_client, app, key


def connected(http_client: Http) -> socket.socket:
    address = urlsplit(http_client.base)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def begin(http_client: Http, path: str, length: int = 1_000) -> socket.socket:
    """A connection with the head of a request and one byte of its body."""
    connection = connected(http_client)
    connection.sendall(HEAD.format(path=path, length=length, more=FORM).encode())
    return connection


def rest_of(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    found = b""
    try:
        while chunk := connection.recv(65_536):
            found += chunk
    except ConnectionResetError:
        pass
    return found


def took(http_client: Http, path: str) -> float:
    begun = time.monotonic()
    assert http_client.send("GET", path).status == 200
    return time.monotonic() - begun


def test_two_hundred_slow_senders_without_a_key_keep_nobody_waiting(service):
    http_client, app, _ = service
    http_client.send("POST", f"/api/apps/{app}/logs?log_id=before", kscrash())
    crash = digested(http_client, app, "before")["occurrences"][0]["crash_identifier"]
    polls = f"/api/crashes/{crash}/occurrences"
    with ExitStack() as held:
        slow = [held.enter_context(begin(http_client, SLOW[number % 3])) for number in range(200)]
        begun = time.monotonic()
        times = []
        while time.monotonic() - begun < TIMEOUT / 2:
            times += [took(http_client, "/healthz"), took(http_client, polls)]
            assert (
                http_client.send("POST", f"/api/apps/{app}/logs?log_id=meanwhile-{len(times)}", kscrash()).status == 202
            )
        with ThreadPoolExecutor(200) as pool:
            answers = list(pool.map(rest_of, slow))

    assert max(times) < 1
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 408"}
    error = {"success": False, "status": "request_timeout", "error_message": "The body came too slowly"}
    assert all(json.loads(answer.partition(b"\r\n\r\n")[2]) == error for answer in answers)


def test_a_sender_of_a_byte_now_and_then_is_ended_too(service):
    http_client, _, _ = service
    connection = begin(http_client, "/api/login")
    connection.settimeout(0.1)
    begun, found = time.monotonic(), b""
    while time.monotonic() - begun < 4 * TIMEOUT:
        try:
            found = connection.recv(4_096)
            break
        except TimeoutError:
            connection.sendall(b" ")
    connection.close()

    assert found.startswith(b"HTTP/1.1 408")
    assert TIMEOUT - 1 < time.monotonic() - begun < 3 * TIMEOUT


def test_a_body_that_comes_slowly_but_steadily_is_taken(service):
    http_client, app, _ = service
    log = kscrash()
    connection = connected(http_client)
    head = f"POST /api/apps/{app}/logs?log_id=steady HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(log)}\r\n"
    connection.sendall(f"{head}Authorization: Token {http_client.token}\r\n\r\n".encode())
    piece = -(-len(log) // 30)
    for at in range(0, len(log), piece):
        connection.sendall(log[at : at + piece])
        time.sleep(TIMEOUT / 60)  # the sender's own pace
    answer = connection.recv(4_096)
    connection.close()

    assert answer.startswith(b"HTTP/1.1 202")


@pytest.mark.parametrize("token", [True, False])
def test_a_client_that_still_writes_reads_why_its_log_was_refused(service, token):
    http_client, app, _ = service
    address = urlsplit(http_client.base)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    headers = {"Authorization": f"Token {http_client.token}"} if token else {}

    connection.request("POST", f"/api/apps/{app}/logs", b"x" * (21 * 1024 * 1024), headers)
    answer = connection.getresponse()

    assert answer.status == (413 if token else 401)
    assert json.loads(answer.read())["status"] == ("payload_too_large" if token else "unauthorized")
    connection.close()


def test_a_client_that_asks_first_is_refused_before_it_sends(service):
    http_client, app, _ = service
    connection = connected(http_client)
    head = f"POST /api/apps/{app}/logs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 22000000\r\n"

    begun = time.monotonic()
    connection.sendall(f"{head}Authorization: Token {http_client.token}\r\nExpect: 100-continue\r\n\r\n".encode())

    assert connection.recv(12) == b"HTTP/1.1 413"
    assert time.monotonic() - begun < 2
    connection.close()


def test_the_refusal_of_a_body_that_never_comes_is_sent_all_the_same(service):
    http_client, _, _ = service
    connection = begin(http_client, "/api/1/store/")

    answer = rest_of(connection)

    assert answer.startswith(b"HTTP/1.1 401")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == "unauthorized"
    connection.close()


def test_a_log_that_is_cut_short_is_not_stored(service):
    http_client, app, _ = service
    connection = connected(http_client)
    head = f"POST /api/apps/{app}/logs?log_id=cut HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    connection.sendall(f"{head}Authorization: Token {http_client.token}\r\n\r\n{{".encode())
    connection.shutdown(socket.SHUT_WR)

    assert rest_of(connection).startswith(b"HTTP/1.1 400")
    until(lambda: http_client.send("GET", f"/api/apps/{app}/logs/cut").status == 404, "the log not to be there")
    connection.close()


@pytest.mark.parametrize("hosts", ["", "Host: localhost\r\nHost: localhost\r\n", "Host:\r\n", "Host: a b\r\n"])
def test_a_request_without_one_host_is_400(service, hosts):
    http_client, _, _ = service
    with connected(http_client) as connection:
        connection.sendall(f"GET /api/apps HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())

        assert rest_of(connection).startswith(b"HTTP/1.1 400")
