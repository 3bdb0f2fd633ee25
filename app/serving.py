"""The web server: `python -m app.serving`, with the settings of the environment."""

import os
import sys

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

from app.api import repeats  # noqa: F401  its memory is shared with the processes that are forked from here
from app.api.waiting import MOMENTS
from app.config import Config
from app.errors import ConfigError

CONNECTIONS = 1_024  # of one process at a time; more wait to be accepted
HEADERS_WITHIN = 15_000  # milliseconds for a client to send the head of a request, so that idlers hold nothing
LONGEST_HEAD = 32 * 1024  # bytes
STOP_GRACE = 35  # seconds that requests may take to end when the server stops; longer than the longest `Prefer: wait`


def server(config: Config, host: str) -> MPServer:
    """The server, not started: processes that each open their own services, with threads of which each has one request."""
    return MPServer(
        "app:create_app",
        factory=True,
        interface=Interfaces.WSGI,
        address=host,
        port=config.port,
        workers=config.web_concurrency,
        blocking_threads=config.web_threads * (1 + MOMENTS) + config.web_streams,  # started as they are needed
        backpressure=CONNECTIONS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN, max_buffer_size=LONGEST_HEAD),
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=1.0,  # seconds; a process that dies at once must not be started in a loop
        workers_kill_timeout=STOP_GRACE,
        log_level=LogLevels.warning,
    )


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    try:
        config = Config.from_env()
    except ConfigError as error:
        sys.exit(f"crashq: {error.message}")  # one sentence, not a stack trace
    server(config, os.environ.get("CRASHQ_HOST", "0.0.0.0")).serve()  # noqa: S104  a server is there to be reached


if __name__ == "__main__":
    main()
