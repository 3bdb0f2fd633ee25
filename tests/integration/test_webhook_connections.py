"""How a delivery connects: to the address, as the host; and how long and how much it listens."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.webhooks import sending
from app.webhooks.sending import NotDelivered, post

HOST = "hooks.example.com"
LOOPBACK = ("127.0.0.0/8",)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def here(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


@contextmanager
def server(serve, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Accept one connection and hand it to `serve`, in a thread; yields the port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):  # the other side hangs up, as it is meant to
            serve(context.wrap_socket(connection, server_side=True) if context else connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        thread.join(10)
        listening.close()
        assert not thread.is_alive()


def answer_well(connection: socket.socket) -> None:
    heard = b""
    while not heard.endswith(b"{}"):
        heard += connection.recv(65_536)
    connection.sendall(ANSWER)
    connection.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a self-signed certificate of HOST, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "host.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def named(certificate: Path, monkeypatch) -> tuple[ssl.SSLContext, list[str]]:
    """A server's context whose certificate we trust, and the names that clients asked it for."""
    context, asked = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(sending, "_tls", lambda: trusting)
    return context, asked


def test_tls_is_spoken_with_the_host_although_the_connection_goes_to_an_address(named):
    context, asked = named
    with server(answer_well, context) as port:
        status = post(f"https://{HOST}:{port}/", b"{}", {}, LOOPBACK, here).status

    assert status == 200
    assert asked == [HOST]


def test_a_certificate_of_another_host_is_refused(named):
    context, _ = named
    with server(answer_well, context) as port, pytest.raises(NotDelivered, match="cannot be reached"):
        post(f"https://other.example.com:{port}/", b"{}", {}, LOOPBACK, here)


def test_a_receiver_that_drips_its_answer_is_cut_off_in_time(monkeypatch):
    monkeypatch.setattr(sending, "WHOLE_LIMIT", 0.5)
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not ended.wait(0.05):
            connection.sendall(b"X: y\r\n")

    with server(drip) as port:
        with pytest.raises(NotDelivered, match="did not answer within"):
            post(f"http://{HOST}:{port}/", b"{}", {}, LOOPBACK, here)
        ended.set()


def test_of_an_endless_answer_no_more_than_a_little_is_read():
    sent = 0

    def pour(connection: socket.socket) -> None:
        nonlocal sent
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sent += connection.send(b"x" * 65_536)

    with server(pour) as port:
        assert post(f"http://{HOST}:{port}/", b"{}", {}, LOOPBACK, here).status == 200

    assert sent < 50 * 1024 * 1024  # what fits into the sockets' buffers


def test_what_does_not_speak_http_is_told_so():
    def talk(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"SSH-2.0-x\r\n\r\n")

    with server(talk) as port, pytest.raises(NotDelivered, match="did not answer"):
        post(f"http://{HOST}:{port}/", b"{}", {}, LOOPBACK, here)


def test_the_next_address_is_tried_when_one_does_not_answer():
    with server(answer_well) as port:
        status = post(f"http://{HOST}:{port}/", b"{}", {}, LOOPBACK, lambda _h, _p: ["127.9.9.9", "127.0.0.1"]).status

    assert status == 200
