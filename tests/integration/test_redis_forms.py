"""Every form of REDIS_URL leads web, rate limits and workers to the same real Redis."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kombu import Connection
from redis import Redis

from app.queueing.broker import RUN_JOB, SHORT
from app.queueing.debounced_broker import DebouncedBroker
from app.queueing.rate_limit import open_rate_limit
from app.queueing.redis_url import read_redis_url
from tests.servers import free_port, missing, redis_server, sentinel
from workers import redis_transport

ROW, PASSWORD, MASTER = "2eab310c430bf292171281ae", "s:e/c@ret", "the-master"
QUOTED = "s%3Ae%2Fc%40ret"
FORMS = ("redis://{login}@127.0.0.1:{port}/1", "valkey://{login}@127.0.0.1:{port}?db=1",
         "unix://{login}@{folder}/redis%20socket?db=1",
         "redis+sentinel://{login}@127.0.0.1:{nobody},127.0.0.1:{sentinel}/the-master/1",
         "rediss://{login}@127.0.0.1:{tls}/1?ssl_ca_certs={folder}/cert.pem",
         "rediss://{login}@127.0.0.1:{tls}/1?ssl_cert_reqs=CERT_NONE",
         "valkeys://{login}@127.0.0.1:{tls}/1?ssl_cert_reqs=none&ssl_check_hostname=false")  # fmt: skip


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> Iterator[dict[str, object]]:
    """What stands in the URLs that lead to one Redis: by TCP, TLS, a socket and a sentinel."""
    folder = tmp_path_factory.mktemp("r")
    _certificate(folder)
    tls = free_port()
    settings = ["--unixsocket", f"{folder}/redis socket", "--tls-port", tls, "--tls-cert-file", f"{folder}/cert.pem",
                "--tls-key-file", f"{folder}/key.pem", "--tls-auth-clients", "no"]  # fmt: skip
    with redis_server(*map(str, settings)) as url, sentinel(url, MASTER) as asked:
        port = int(url.rpartition(":")[2].partition("/")[0])
        with Redis(port=port) as client:
            client.acl_setuser(
                "web", enabled=True, passwords=[f"+{PASSWORD}"], categories=["+@all"], keys=["*"], channels=["*"]
            )
        yield {"login": f"web:{QUOTED}", "port": port, "tls": tls, "sentinel": asked, "nobody": free_port(),
               "folder": folder}  # fmt: skip


def _certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=redis",
               "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]  # fmt: skip
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        missing("openssl", "Debian's package openssl has it")


@pytest.mark.parametrize("form", FORMS)
def test_a_message_of_web_reaches_the_channel_of_a_worker_and_logs_are_counted(places, form):
    url = form.format(**places)
    redis_transport.register()
    server = read_redis_url(url)
    options = {"server": server, "global_keyprefix": "crashq:", "socket_timeout": 5,
               "socket_connect_timeout": 2, "socket_keepalive": True}  # fmt: skip
    broker, limit = DebouncedBroker(url), open_rate_limit(url, "crashq:")

    assert broker.check()
    assert broker.enqueue(RUN_JOB, ROW, SHORT)
    broker.enqueue_debounced(RUN_JOB, ROW, SHORT)
    with (
        Connection(redis_transport.broker_url(server), transport_options=options) as worker,
        closing(worker.channel()) as channel,
    ):
        taken = [channel.client.brpop([SHORT], timeout=5) for _ in range(2)]
        watched = channel.async_pool.get_connection()
        watched.send_command("CLIENT", "INFO")
        own = watched.read_response()
    counted = [limit.count(form, 1) for _ in range(2)]

    assert all(RUN_JOB.encode() in message for _, message in taken)
    assert b"user=web" in own
    assert b"db=1" in own
    assert counted[0] == 0
    assert counted[1] > 0
