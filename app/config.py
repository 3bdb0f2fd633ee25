"""Every setting, read once from the environment; each with its unit, its default and the reason for it."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.environment import (
    accel_redirect,
    buckets,
    choice,
    common_folder,
    database_url,
    hosts,
    integer,
    mail_from,
    name_prefix,
    origins,
    own_hosts,
    secret,
    url,
)
from app.errors import ConfigError
from app.oidc_settings import OidcProvider, read_oidc
from app.queueing.redis_url import read_redis_url
from app.smtp_url import read_smtp_url
from app.speed import ALL, Speed

MIB = 1024 * 1024

BROKER_URL_FILE = "broker.url"  # in the data folder, written by `crashq up` so that other commands find its broker
PORT_FILE = "web.port"  # likewise, so that a DSN printed beside it leads there
SECRET_FILE = "secret.key"  # noqa: S105  a file's name


@dataclass(frozen=True)
class Config:
    """What the environment decides. `Config.from_env` fails by the name of the variable."""

    database_url: str
    redis_url: str | None  # None: there is no broker; jobs wait in the table for the next sweep of a running service
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
    apps_by: str = "anybody"  # who makes apps: any user, or operators by the command line
    wrong_passwords_per_minute: int = 10  # for one e-mail, known or not; then none is tried until the minute is over
    max_symbol_bytes: int = 512 * MIB  # of one file of symbols; it is never whole in memory of web
    max_chunk_bytes: int = 4_096 * MIB  # of chunks of an app, or of a member, that are not put together to files yet
    symbol_memory: int = 2_048 * MIB  # that reading one file of symbols may take, in a process of its own
    token_lifetime: int = 30 * 86_400  # seconds a login lasts
    result_lifetime: int = 86_400  # seconds from completion that a result and its links live
    tombstone_lifetime: int = 7 * 86_400  # seconds that an ended job is remembered after its result has gone
    job_lease: int = 30  # seconds; a worker renews every third of it, else the attempt is over
    job_time_limit: int = 900  # seconds one attempt may run; far above any report
    max_attempts: int = 3  # of a job or digest that kill their worker or meet a bug, before it counts as failed
    job_patience: int = 1_800  # seconds that a job is tried again while the database or the storage is away
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
    audit_days: int = 365  # days that entries of the audit log are kept; 0: for ever
    webhooks_allow: tuple[str, ...] = ()  # hosts and networks that webhooks may reach although they are not public
    smtp_url: str | None = field(default=None, repr=False)  # of the mail server, with its password; None: no mails
    mail_from: str = "crashq@localhost"  # the sender that mails name
    oidc: OidcProvider | None = (
        None  # by which people sign in to the console, beside their passwords; None: by those alone
    )
    export_buckets: tuple[
        tuple[str, str], ...
    ] = ()  # name -> URL of a store for data exporters; none: a folder of ours
    log_format: str = "text"  # text for people, json for collectors
    access_log: bool = False  # a log line for each request
    metrics_dir: Path | None = None  # where the processes of this machine count together; None: each for itself
    metrics_port: int = 0  # where a worker or beat shows what is counted in that folder; 0: nowhere
    tracing: str = ""  # name of the way in which traces leave, like otel; none: no traces
    canary_every: int = 60  # seconds between proofs of the whole path; 0: none
    speed: Speed = ALL  # which of the parts for speed are on; developers leave some out

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, *, needs_broker: bool = True) -> "Config":
        """Read and check the environment. Raises ConfigError naming the variable that is missing or senseless."""
        redis_url = environ.get("REDIS_URL", "").strip() or None
        if redis_url:
            read_redis_url(redis_url)
        elif needs_broker:
            raise ConfigError(
                "REDIS_URL is not set; set it to redis://host:port/0, or start everything with `crashq up`"
            )
        public_url = environ.get("CRASHQ_PUBLIC_URL") or None
        smtp_url = environ.get("CRASHQ_SMTP_URL", "").strip() or None
        if smtp_url:
            read_smtp_url(smtp_url)
        return cls(
            database_url=database_url(environ),
            redis_url=redis_url,
            storage_url=url(environ, "STORAGE_URL", ("file", "s3", "memory")),
            secret_key=secret(environ),
            redis_prefix=name_prefix(environ, "CRASHQ_REDIS_PREFIX", cls.redis_prefix),
            port=integer(environ, "PORT", cls.port, 0, 65_535),
            web_concurrency=integer(environ, "WEB_CONCURRENCY", cls.web_concurrency, 1, 256),
            web_threads=integer(environ, "CRASHQ_WEB_THREADS", cls.web_threads, 2, 256),
            web_streams=integer(environ, "CRASHQ_WEB_STREAMS", cls.web_streams, 0, 1_024),
            body_timeout=integer(environ, "CRASHQ_BODY_TIMEOUT", cls.body_timeout, 1, 600),
            cors_origins=origins(environ, "CRASHQ_CORS_ORIGINS"),
            worker_concurrency=integer(environ, "CRASHQ_WORKER_CONCURRENCY", cls.worker_concurrency, 1, 256),
            public_url=public_url and url(environ, "CRASHQ_PUBLIC_URL", ("http", "https")).rstrip("/"),
            hosts=own_hosts(environ),
            trusted_proxies=integer(environ, "CRASHQ_TRUSTED_PROXIES", cls.trusted_proxies, 0, 16),
            max_log_bytes=integer(environ, "CRASHQ_MAX_LOG_BYTES", cls.max_log_bytes, 1_024, 1_024 * MIB),
            oldest_crash_days=integer(environ, "CRASHQ_OLDEST_CRASH_DAYS", cls.oldest_crash_days, 1, 36_500),
            logs_per_minute=integer(environ, "CRASHQ_LOGS_PER_MINUTE", cls.logs_per_minute, 0, 10_000_000),
            apps_by=choice(environ, "CRASHQ_APPS_BY", cls.apps_by, ("anybody", "operators")),
            wrong_passwords_per_minute=integer(
                environ, "CRASHQ_WRONG_PASSWORDS_PER_MINUTE", cls.wrong_passwords_per_minute, 1, 10_000
            ),
            max_symbol_bytes=integer(environ, "CRASHQ_MAX_SYMBOL_BYTES", cls.max_symbol_bytes, 1_024, 16 * 1_024 * MIB),
            max_chunk_bytes=integer(
                environ, "CRASHQ_MAX_CHUNK_BYTES", cls.max_chunk_bytes, 8 * MIB, 1_024 * 1_024 * MIB
            ),
            symbol_memory=integer(environ, "CRASHQ_SYMBOL_MEMORY", cls.symbol_memory, 128 * MIB, 1_024 * 1_024 * MIB),
            token_lifetime=integer(environ, "CRASHQ_TOKEN_LIFETIME", cls.token_lifetime, 60, 10 * 365 * 86_400),
            result_lifetime=integer(environ, "CRASHQ_RESULT_LIFETIME", cls.result_lifetime, 60, 365 * 86_400),
            tombstone_lifetime=integer(environ, "CRASHQ_TOMBSTONE_LIFETIME", cls.tombstone_lifetime, 60, 365 * 86_400),
            job_lease=integer(environ, "CRASHQ_JOB_LEASE", cls.job_lease, 3, 3_600),
            job_time_limit=integer(environ, "CRASHQ_JOB_TIME_LIMIT", cls.job_time_limit, 10, 3_000),
            max_attempts=integer(environ, "CRASHQ_MAX_ATTEMPTS", cls.max_attempts, 1, 20),
            job_patience=integer(environ, "CRASHQ_JOB_PATIENCE", cls.job_patience, 1, 86_400),
            live_jobs_per_user=integer(environ, "CRASHQ_LIVE_JOBS_PER_USER", cls.live_jobs_per_user, 1, 1_000_000),
            long_jobs_at_once=integer(environ, "CRASHQ_LONG_JOBS_AT_ONCE", cls.long_jobs_at_once, 1, 10_000),
            abandon_after=integer(environ, "CRASHQ_ABANDON_AFTER", cls.abandon_after, 0, 86_400),
            accel_redirect=accel_redirect(environ, "CRASHQ_ACCEL_REDIRECT"),
            repeat_for=integer(environ, "CRASHQ_REPEAT_FOR", cls.repeat_for, 0, 1_000),
            keep_logs_days=integer(environ, "CRASHQ_KEEP_LOGS_DAYS", cls.keep_logs_days, 0, 36_500),
            keep_occurrences_days=integer(
                environ, "CRASHQ_KEEP_OCCURRENCES_DAYS", cls.keep_occurrences_days, 0, 36_500
            ),
            keep_reports_days=integer(environ, "CRASHQ_KEEP_REPORTS_DAYS", cls.keep_reports_days, 0, 36_500),
            audit_days=integer(environ, "CRASHQ_AUDIT_DAYS", cls.audit_days, 0, 36_500),
            webhooks_allow=hosts(environ, "CRASHQ_WEBHOOKS_ALLOW"),
            smtp_url=smtp_url,
            mail_from=mail_from(environ, "CRASHQ_MAIL_FROM", smtp_url),
            oidc=read_oidc(environ),
            export_buckets=buckets(environ, "CRASHQ_EXPORT_BUCKETS"),
            log_format=choice(environ, "CRASHQ_LOG_FORMAT", cls.log_format, ("text", "json")),
            access_log=integer(environ, "CRASHQ_ACCESS_LOG", 0, 0, 1) == 1,
            metrics_dir=Path(environ.get("CRASHQ_METRICS_DIR") or common_folder(environ)),
            metrics_port=integer(environ, "CRASHQ_METRICS_PORT", cls.metrics_port, 0, 65_535),
            tracing=choice(environ, "CRASHQ_TRACING", cls.tracing, ("", "otel")),
            canary_every=integer(environ, "CRASHQ_CANARY_EVERY", cls.canary_every, 0, 3_600),
            speed=Speed.without(environ.get("CRASHQ_WITHOUT", "")),
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
