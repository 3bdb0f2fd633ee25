"""The ceilings: what the database, the loopback and bare Celery do with nothing of ours around them."""

import socket
import threading
import time
from statistics import median
from typing import Any

import psycopg
from celery import Celery

COPY = """
COPY (SELECT '{"id":"' || log_id || '-crash-' || number || '","date":"' || to_char(occurred_at, 'YYYY-MM-DD')
          || '","log_id":"' || log_id || '"}'
      FROM occurrences WHERE crash_id = (SELECT id FROM crashes WHERE identifier = '%s')
      ORDER BY occurred_at DESC, id DESC) TO STDOUT
"""


def copy_seconds(database: str, crash: str) -> tuple[float, int]:
    """(seconds, bytes) of the rows of a crash as JSON text, newest first, by COPY to a client that drops them."""
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        with cursor.copy(COPY.replace("%s", crash)) as copied:  # an identifier of the seed's
            size = sum(map(len, copied))
        return time.perf_counter() - started, size


ROWS = """
SELECT log_id || '-crash-' || number AS id, to_char(occurred_at, 'YYYY-MM-DD') AS date, log_id,
       to_char(occurred_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS occurred_at, crashes.identifier AS crash_identifier,
       app_version, app_build, os_name, os_version, device_model, user_id
FROM occurrences JOIN crashes ON crashes.id = occurrences.crash_id
WHERE crashes.identifier = '%s'
ORDER BY occurrences.occurred_at, occurrences.id
"""
COPIES = {
    "csv": f"COPY ({ROWS}) TO STDOUT (FORMAT csv, HEADER)",
    "ndjson": f"COPY (SELECT row_to_json(line) FROM ({ROWS}) AS line) TO STDOUT",  # noqa: S608  constants
}


def copy_rows_seconds(database: str, crash: str, format_name: str) -> float:
    """Seconds of COPY of a crash's rows with all columns, as CSV or JSON, to a client that drops them."""
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        with cursor.copy(COPIES[format_name].replace("%s", crash)) as copied:  # an identifier of the seed's
            for _ in copied:
                pass
        return time.perf_counter() - started


def loopback_seconds(size: int) -> float:
    """Seconds for that many bytes over a TCP connection of this machine, a MiB at a time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=_send, args=(server, size), daemon=True)
        started = time.perf_counter()
        sender.start()
        with socket.create_connection(server.getsockname()) as connection:
            buffer, got = bytearray(1024 * 1024), 0
            while got < size and (read := connection.recv_into(buffer)):
                got += read
        sender.join()
        return time.perf_counter() - started


class BareCelery:
    """Tasks that do nothing, sent to the usual way's workers past any web server."""

    def __init__(self, redis_url: str) -> None:
        self._celery = Celery("bare", broker=redis_url, backend=redis_url, set_as_current=False)

    def round_trip(self, number: int) -> float:
        """Median seconds from sending one to having its result."""
        seconds = []
        for _ in range(number):
            started = time.perf_counter()
            self._send().get(timeout=30)
            seconds.append(time.perf_counter() - started)
        return median(seconds)

    def rate(self, number: int) -> float:
        """Tasks per second, all sent before the first result is waited for."""
        started = time.perf_counter()
        for result in [self._send() for _ in range(number)]:
            result.get(timeout=60)
        return number / (time.perf_counter() - started)

    def _send(self) -> Any:
        return self._celery.send_task("bench.peers.celery_usual.nothing")


def _send(server: socket.socket, size: int) -> None:
    connection, _ = server.accept()
    block = bytes(1024 * 1024)
    with connection:
        while size > 0:
            connection.sendall(block[:size])
            size -= len(block)
