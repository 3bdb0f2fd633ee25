"""The web server, `crashq web`, with the settings of the environment."""

import os
import sys
from collections.abc import Callable
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer, mp

from app import end_of_imports
from app.config import Config
from app.db.opening import require_pooling_by_session
from app.errors import ConfigError
from app.operations.schema_version import require_current_schema
from app.telemetry.log_lines import configure_logs
from app.web.api import repeats  # noqa: F401  its memory is shared with the processes that are forked from here
from app.web.api.waiting import BRIEF_WAITS
from app.web.hosts import knows_loopback_only
from app.web.request_body import BODIES, PROTOCOL

CONNECTIONS = 1_024  # of one process at a time; more wait to be accepted
HEADERS_WITHIN = 15_000  # milliseconds for a client to send the head of a request, so that idlers hold nothing
LONGEST_HEAD = 32 * 1024  # bytes
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  addresses that stand for all of the machine's
STOP_GRACE = 35  # seconds that requests may take to end when the server stops; longer than the longest `Prefer: wait`

log = structlog.get_logger()
_wrap = mp._wsgi_call_wrap  # type: ignore[attr-defined]  # the one place where Granian can be extended


def _wrap_with_protocol(application: Callable[..., Any], *options: Any) -> Callable[..., Any]:
    """Granian's adapter of a WSGI application, which also hands on what it answers by.

    Granian has no time limit for bodies; a late client can be answered by this only, from another thread.
    """
    run = _wrap(application, *options)

    def call(protocol: Any, scope: dict[str, Any]) -> Any:
        scope[PROTOCOL] = protocol
        return run(protocol, scope)

    return call


mp._wsgi_call_wrap = _wrap_with_protocol  # type: ignore  # at import, for processes that are spawned, not forked


def server(config: Config, host: str) -> MPServer:
    """The server, not started: processes that each open their own services, with threads of which each has one request."""
    return MPServer(
        "app:create_app",
        factory=True,
        interface=Interfaces.WSGI,
        address=host,
        port=config.port,
        workers=config.web_concurrency,
        blocking_threads=config.web_threads * (1 + BRIEF_WAITS) + config.web_streams + BODIES,  # started when needed
        backpressure=CONNECTIONS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN, max_buffer_size=LONGEST_HEAD),
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=1.0,  # seconds; a process that dies at once must not be started in a loop
        workers_kill_timeout=STOP_GRACE,
        log_level=LogLevels.warning,
    )


def warn_of_unknown_hosts(config: Config, host: str) -> None:
    """Log a warning when others can reach the server and none of the names by which they may is known."""
    if host in EVERYWHERE and knows_loopback_only(config):
        log.warning("hosts_unknown", hint="Set CRASHQ_PUBLIC_URL or CRASHQ_HOSTS: other hosts are answered with 400")


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    try:
        config = Config.from_env()
        require_pooling_by_session(config.database_url)
        require_current_schema(config.database_url)
    except ConfigError as error:
        sys.exit(f"crashq: {error.message}")  # one sentence, not a stack trace
    host = os.environ.get("CRASHQ_HOST") or "0.0.0.0"  # noqa: S104  a server is there to be reached
    configure_logs(config.log_format)
    warn_of_unknown_hosts(config, host)
    end_of_imports()
    server(config, host).serve()


if __name__ == "__main__":
    main()
