"""Every setting, read once from the environment; each with its unit, its default and the reason for it."""

import hashlib
import ipaddress
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from app.errors import ConfigError

MIB = 1024 * 1024
MIN_SECRET_LENGTH = 16  # characters; shorter ones can be guessed

BROKER_URL_FILE = "broker.url"  # in the data folder, written by `crashq up` so that other commands can ring its workers
ANY_HOST = "*"  # in CRASHQ_HOSTS
PORT_FILE = "web.port"  # likewise, so that a DSN printed beside it leads there
SECRET_FILE = "secret.key"  # noqa: S105  a file's name


@dataclass(frozen=True)
class Config:
    """What the environment decides. `Config.from_env` fails by the name of the variable."""

    database_url: str
    redis_url: str | None  # None: no broker to ring; jobs wait in the table for the next sweep of a running service
    storage_url: str  # file:///folder, s3://bucket/prefix or memory://
    secret_key: str  # signs download links
    redis_prefix: str = "crashq:"  # of every key in Redis; two services on one Redis database need one each
    port: int = 8000
    web_concurrency: int = 2  # web processes
    web_threads: int = 8  # threads of one web process; half of them at most are held by `Prefer: wait`
    worker_concurrency: int = 2  # worker processes of one `crashq up`
    web_streams: int = 16  # streams of events that a web process has open at a time, each on a thread beside those
    body_timeout: int = 20  # seconds that a client may take to send a body, and one more for each KiB of it; then 408
    cors_origins: tuple[str, ...] = ()  # origins whose pages may use the API, as browsers name them; none: ours alone
    public_url: str | None = None  # how clients reach us, when the Host header does not tell; no trailing slash
    hosts: tuple[str, ...] = ()  # hosts and networks that requests may name, beside loopback and that of public_url
    trusted_proxies: int = 0  # how many proxies in front set X-Forwarded-*; 0 trusts none of these headers
    max_log_bytes: int = 20 * MIB  # of one log, packed or unpacked; a larger upload is refused with 413
    oldest_crash_days: int = (
        3_650  # before its log arrived; an earlier time is of a wrong clock, and the arrival counts
    )
    logs_per_minute: int = (
        0  # that one app may send where it has not set it; one more is answered with 429; 0: any number
    )
    wrong_passwords_per_minute: int = 10  # for one e-mail, known or not; then none is tried until the minute is over
    max_symbol_bytes: int = 512 * MIB  # of one file of symbols; it is never whole in memory of web
    symbol_memory: int = 2_048 * MIB  # that reading one file of symbols may take, in a process of its own
    token_lifetime: int = 30 * 86_400  # seconds a login lasts
    result_lifetime: int = 86_400  # seconds from completion that a result and its links live
    tombstone_lifetime: int = 7 * 86_400  # seconds that an ended job is remembered after its result has gone
    job_lease: int = 30  # seconds; a worker renews every third of it, else the attempt is over
    job_time_limit: int = 900  # seconds one attempt may run; far above any report
    max_attempts: int = 3  # of a job or digest that kill their worker or meet a bug, before it counts as failed
    job_patience: int = 1_800  # seconds that a job is tried again while the database or the storage is in trouble
    live_jobs_per_user: int = 1_000  # jobs that a user may wait for at a time; one more is answered with 429
    long_jobs_at_once: int = 1  # long jobs worked on at a time, so that short ones always find a worker
    abandon_after: int = 0  # seconds without a poll after which a live job is cancelled; 0: never
    accel_redirect: str | None = (
        None  # path below which a proxy in front serves the folder of the store; no trailing slash
    )
    repeat_for: int = 20  # milliseconds that the answer to a poll of a finished job is repeated as it was; 0: never
    keep_logs_days: int = 0  # days that raw logs are kept, by arrival, where an app has not set it; 0: for ever
    keep_occurrences_days: int = 0  # the same of occurrences and their logs
    keep_reports_days: int = 0  # the same of results, whatever result_lifetime says
    webhooks_allow: tuple[str, ...] = ()  # hosts and networks that webhooks may reach although they are not public
    export_buckets: tuple[
        tuple[str, str], ...
    ] = ()  # name -> URL of a store for data exporters; none: a folder of ours
    log_format: str = "text"  # text for people, json for collectors
    access_log: bool = False  # a log line for each request
    metrics_dir: Path | None = None  # where the processes of this machine count together; None: each for itself
    metrics_port: int = 0  # where a worker or beat shows what is counted in that folder; 0: nowhere
    tracing: str = ""  # name of the way in which traces leave, like otel; none: no traces
    canary_every: int = 60  # seconds between proofs of the whole path; 0: none

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, *, needs_broker: bool = True) -> "Config":
        """Read and check the environment. Raises ConfigError naming the variable that is missing or senseless."""
        redis_url = environ.get("REDIS_URL") or None
        if redis_url is None and needs_broker:
            raise ConfigError(
                "REDIS_URL is not set; set it to redis://host:port/0, or start everything with `crashq up`"
            )
        public_url = environ.get("CRASHQ_PUBLIC_URL") or None
        return cls(
            database_url=_database_url(environ),
            redis_url=redis_url and _url(environ, "REDIS_URL", ("redis", "rediss")),
            storage_url=_url(environ, "STORAGE_URL", ("file", "s3", "memory")),
            secret_key=_secret(environ),
            redis_prefix=_prefix(environ, "CRASHQ_REDIS_PREFIX", cls.redis_prefix),
            port=_integer(environ, "PORT", cls.port, 0, 65_535),
            web_concurrency=_integer(environ, "WEB_CONCURRENCY", cls.web_concurrency, 1, 256),
            web_threads=_integer(environ, "CRASHQ_WEB_THREADS", cls.web_threads, 2, 256),
            web_streams=_integer(environ, "CRASHQ_WEB_STREAMS", cls.web_streams, 0, 1_024),
            body_timeout=_integer(environ, "CRASHQ_BODY_TIMEOUT", cls.body_timeout, 1, 600),
            cors_origins=_origins(environ, "CRASHQ_CORS_ORIGINS"),
            worker_concurrency=_integer(environ, "CRASHQ_WORKER_CONCURRENCY", cls.worker_concurrency, 1, 256),
            public_url=public_url and _url(environ, "CRASHQ_PUBLIC_URL", ("http", "https")).rstrip("/"),
            hosts=_own_hosts(environ),
            trusted_proxies=_integer(environ, "CRASHQ_TRUSTED_PROXIES", cls.trusted_proxies, 0, 16),
            max_log_bytes=_integer(environ, "CRASHQ_MAX_LOG_BYTES", cls.max_log_bytes, 1_024, 1_024 * MIB),
            oldest_crash_days=_integer(environ, "CRASHQ_OLDEST_CRASH_DAYS", cls.oldest_crash_days, 1, 36_500),
            logs_per_minute=_integer(environ, "CRASHQ_LOGS_PER_MINUTE", cls.logs_per_minute, 0, 10_000_000),
            wrong_passwords_per_minute=_integer(
                environ, "CRASHQ_WRONG_PASSWORDS_PER_MINUTE", cls.wrong_passwords_per_minute, 1, 10_000
            ),
            max_symbol_bytes=_integer(
                environ, "CRASHQ_MAX_SYMBOL_BYTES", cls.max_symbol_bytes, 1_024, 16 * 1_024 * MIB
            ),
            symbol_memory=_integer(environ, "CRASHQ_SYMBOL_MEMORY", cls.symbol_memory, 128 * MIB, 1_024 * 1_024 * MIB),
            token_lifetime=_integer(environ, "CRASHQ_TOKEN_LIFETIME", cls.token_lifetime, 60, 10 * 365 * 86_400),
            result_lifetime=_integer(environ, "CRASHQ_RESULT_LIFETIME", cls.result_lifetime, 60, 365 * 86_400),
            tombstone_lifetime=_integer(environ, "CRASHQ_TOMBSTONE_LIFETIME", cls.tombstone_lifetime, 60, 365 * 86_400),
            job_lease=_integer(environ, "CRASHQ_JOB_LEASE", cls.job_lease, 3, 3_600),
            job_time_limit=_integer(environ, "CRASHQ_JOB_TIME_LIMIT", cls.job_time_limit, 10, 3_000),
            max_attempts=_integer(environ, "CRASHQ_MAX_ATTEMPTS", cls.max_attempts, 1, 20),
            job_patience=_integer(environ, "CRASHQ_JOB_PATIENCE", cls.job_patience, 1, 86_400),
            live_jobs_per_user=_integer(environ, "CRASHQ_LIVE_JOBS_PER_USER", cls.live_jobs_per_user, 1, 1_000_000),
            long_jobs_at_once=_integer(environ, "CRASHQ_LONG_JOBS_AT_ONCE", cls.long_jobs_at_once, 1, 10_000),
            abandon_after=_integer(environ, "CRASHQ_ABANDON_AFTER", cls.abandon_after, 0, 86_400),
            accel_redirect=_accel_redirect(environ, "CRASHQ_ACCEL_REDIRECT"),
            repeat_for=_integer(environ, "CRASHQ_REPEAT_FOR", cls.repeat_for, 0, 1_000),
            keep_logs_days=_integer(environ, "CRASHQ_KEEP_LOGS_DAYS", cls.keep_logs_days, 0, 36_500),
            keep_occurrences_days=_integer(
                environ, "CRASHQ_KEEP_OCCURRENCES_DAYS", cls.keep_occurrences_days, 0, 36_500
            ),
            keep_reports_days=_integer(environ, "CRASHQ_KEEP_REPORTS_DAYS", cls.keep_reports_days, 0, 36_500),
            webhooks_allow=_hosts(environ, "CRASHQ_WEBHOOKS_ALLOW"),
            export_buckets=_buckets(environ, "CRASHQ_EXPORT_BUCKETS"),
            log_format=_choice(environ, "CRASHQ_LOG_FORMAT", cls.log_format, ("text", "json")),
            access_log=_integer(environ, "CRASHQ_ACCESS_LOG", 0, 0, 1) == 1,
            metrics_dir=Path(environ.get("CRASHQ_METRICS_DIR") or _common_folder(environ)),
            metrics_port=_integer(environ, "CRASHQ_METRICS_PORT", cls.metrics_port, 0, 65_535),
            tracing=_choice(environ, "CRASHQ_TRACING", cls.tracing, ("", "otel")),
            canary_every=_integer(environ, "CRASHQ_CANARY_EVERY", cls.canary_every, 0, 3_600),
        )


def embedded_environment(data_dir: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment with every storage setting that is unset filled in for one machine and one data folder.

    Makes the folder and its secret when they are not there. REDIS_URL and PORT are those of a running `crashq up`, if any.
    """
    data_dir = data_dir.expanduser().resolve()
    if "?" in str(data_dir) and not environ.get(
        "DATABASE_URL"
    ):  # SQLAlchemy takes what follows for options and has no way to write it otherwise
        raise ConfigError(f"--data-dir {data_dir}: a question mark cannot stand in it")
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = environ.get("SECRET_KEY") or _kept_secret(data_dir / SECRET_FILE)
    except OSError as error:
        raise ConfigError(f"--data-dir {data_dir}: {error.strerror}") from error
    defaults = {
        "DATABASE_URL": f"sqlite:///{data_dir / 'crashq.db'}",
        "STORAGE_URL": (data_dir / "objects").as_uri(),
        "SECRET_KEY": secret,
        "CRASHQ_METRICS_DIR": str(data_dir / "metrics"),
    }
    broker_file = data_dir / BROKER_URL_FILE
    if broker_file.exists():
        defaults["REDIS_URL"] = broker_file.read_text().strip()
    port_file = data_dir / PORT_FILE
    if port_file.exists():
        defaults["PORT"] = port_file.read_text().strip()
    return {**defaults, **{name: value for name, value in environ.items() if value}}


def _kept_secret(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        secret = secrets.token_urlsafe(32)
        file.write(secret)
    return secret


def _url(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    value = environ.get(name, "").strip()
    wanted = " or ".join(f"{scheme}://…" for scheme in schemes)
    if not value:
        raise ConfigError(f"{name} is not set; set it to {wanted}, or start everything with `crashq up`")
    if value.partition("://")[0] not in schemes or "://" not in value:
        raise ConfigError(f"{name} has to be {wanted}")
    try:
        parts = urlsplit(value)
        complete = bool(parts.port is None or parts.port) and _is_complete(parts.scheme, parts.netloc, parts.path)
    except ValueError:
        complete = False
    if not complete:
        raise ConfigError(f"{name} lacks its host, bucket or path, or has a bad port; wanted is {wanted}")
    return value


def _database_url(environ: Mapping[str, str]) -> str:
    """Platforms set `postgres://` and `postgresql://`, which are SQLAlchemy's only with the driver's name."""
    given = environ.get("DATABASE_URL", "").strip()
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", given)
    return _url({"DATABASE_URL": url}, "DATABASE_URL", ("sqlite", "postgresql+psycopg"))


def _is_complete(scheme: str, host: str, path: str) -> bool:
    match scheme:
        case "memory":
            return True
        case "file" | "sqlite":
            return not host and len(path) > 1
        case _:
            return bool(host)


def _secret(environ: Mapping[str, str]) -> str:
    value = environ.get("SECRET_KEY", "").strip()
    if len(value) < MIN_SECRET_LENGTH:
        problem = f"is shorter than {MIN_SECRET_LENGTH} characters" if value else "is not set"
        raise ConfigError(
            f"SECRET_KEY {problem}; make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return value


def _integer(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = environ.get(name, "").strip()
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise ConfigError(f"{name} has to be a whole number from {low} to {high}")
    return int(value)


def _common_folder(environ: Mapping[str, str]) -> str:
    """A folder for temporary files that the processes of one service, one machine and one user come to by themselves."""
    service = "".join(environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL", "CRASHQ_REDIS_PREFIX"))
    return f"{tempfile.gettempdir()}/crashq-{os.getuid()}-{hashlib.sha256(service.encode()).hexdigest()[:12]}"


def _accel_redirect(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name) or None
    if value is None:
        return None
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+/?", value):
        raise ConfigError(f"{name} has to be the path of a location in the proxy, like /stored")
    if not environ.get("STORAGE_URL", "").startswith("file:"):
        raise ConfigError(f"{name} needs a folder as the store: STORAGE_URL=file:///…")
    return value.rstrip("/")


def _prefix(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, "").strip() or default
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", value):
        raise ConfigError(f"{name} has to be 1 to 64 letters, digits and the signs _ . : -")
    return value


def _hosts(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Host names in lower case, and networks as `ipaddress` writes them."""
    return tuple(_host_or_network(name, value.strip()) for value in environ.get(name, "").split(",") if value.strip())


def _own_hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    """CRASHQ_HOSTS, with the address that web listens on where it is a single one; ANY_HOST alone stands for all."""
    if environ.get("CRASHQ_HOSTS", "").strip() == ANY_HOST:
        return (ANY_HOST,)
    listens = environ.get("CRASHQ_HOST", "").strip()
    own = () if listens in ("", "0.0.0.0", "::", "localhost") else _hosts({"CRASHQ_HOST": listens}, "CRASHQ_HOST")  # noqa: S104
    return _hosts(environ, "CRASHQ_HOSTS") + own


def _host_or_network(name: str, value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        if not re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9._-]{1,253}", value):
            raise ConfigError(f"{name} has to be hosts and networks like hooks.internal,10.1.0.0/16") from None
    return value.lower().rstrip(".")


def _origins(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Origins to the letter as browsers send them, for they are compared so."""
    found = tuple(value.strip() for value in environ.get(name, "").split(",") if value.strip())
    for value in found:
        if not re.fullmatch(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?", value):
            raise ConfigError(f"{name} has to be origins like https://crashes.example.com,http://localhost:5173")
        if value.endswith(":443" if value.startswith("https:") else ":80"):
            raise ConfigError(f"{name} names {value} with the port that browsers leave out")
    return found


def _buckets(environ: Mapping[str, str], name: str) -> tuple[tuple[str, str], ...]:
    found = {}
    for entry in filter(None, (value.strip() for value in environ.get(name, "").split(","))):
        bucket, _, url = entry.partition("=")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", bucket) or bucket in found:
            raise ConfigError(f"{name} has to be names and URLs like archive=s3://bucket/prefix,other=s3://bucket2")
        found[bucket] = _url({name: url}, name, ("s3", "file"))
    return tuple(found.items())


def _choice(environ: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    value = environ.get(name, "").strip() or default
    if value not in choices:
        raise ConfigError(f"{name} has to be one of {', '.join(filter(None, choices))}")
    return value
