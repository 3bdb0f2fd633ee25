"""Settings of the web server, for `gunicorn --config python:app.serving`."""

import os

from app.config import Config
from app.errors import ConfigError

try:
    _config = Config.from_env()
except ConfigError as error:
    raise SystemExit(f"crashq: {error.message}") from None  # one sentence, not a stack trace

wsgi_app = "app:create_app()"
bind = f"{os.environ.get('CRASHQ_HOST', '0.0.0.0')}:{_config.port}"  # noqa: S104  a server is there to be reached
workers = _config.web_concurrency
worker_class = "gthread"
threads = _config.web_threads
worker_connections = 1_000
keepalive = 5  # seconds
timeout = 60  # seconds; threads answer while one request waits, so this catches only a hung process
graceful_timeout = 35  # seconds; longer than the longest `Prefer: wait`
max_requests = 0
preload_app = False  # connections and the storage's threads do not survive a fork
accesslog = None
errorlog = "-"
loglevel = "warning"
limit_request_line = 8_190  # bytes
