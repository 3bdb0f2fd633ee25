"""Bugsink, the self-hosted Sentry server, from its package: web and task runner on the bench's PostgreSQL.

It lives in a virtual environment of its own; settings are those of its templates, but for quotas and retention, which would
refuse or delete events of a bench, and its call home, which is off.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.client import Connection
from bench.processes import Part, await_answer, free_port
from bench.system import HERE, QUICKLY, WEB_PROCESSES, WEB_THREADS

PROGRAMS = HERE.parent / "bugsink" / "bin"
QUOTAS = ("PER_PROJECT_PER_5_MINUTES", "PER_PROJECT_PER_HOUR", "PER_PROJECT_PER_MONTH", "PER_5_MINUTES", "PER_HOUR",
          "PER_MONTH")  # fmt: skip
SETTINGS = """
from bugsink.settings.default import *
from bugsink.settings.default import DATABASES

SECRET_KEY = "only for this bench, opens nothing: fifty characters or more of it"
DEBUG = False
ALLOWED_HOSTS = ["*"]
DATABASES["default"] = {{"ENGINE": "django.db.backends.postgresql", "NAME": "bugsink", "USER": "{user}",
                        "HOST": "{host}", "PORT": "{port}"}}
DATABASES["snappea"]["NAME"] = "{folder}/snappea.sqlite3"
SNAPPEA = {{"TASK_ALWAYS_EAGER": False, "NUM_WORKERS": 4, "GRACEFUL_TIMEOUT": 1, "PID_FILE": None,
            "WAKEUP_CALLS_DIR": "{folder}/wakeup"}}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
BUGSINK = {{"BASE_URL": "http://127.0.0.1:{web}", "SINGLE_USER": True, "PHONEHOME": False,
           "INGEST_STORE_BASE_DIR": "{folder}/ingestion", **{quotas}}}
"""
ADD_PROJECT = (
    "from projects.models import Project; p = Project.objects.create(name='bench', slug='bench', "
    "alert_on_new_issue=False, retention_max_event_count=10_000_000); print(p.id, p.sentry_key.hex)"
)


def is_there() -> bool:
    """True when it is installed."""
    return (PROGRAMS / "bugsink-manage").exists()


@dataclass
class Bugsink:
    """A running Bugsink with one project."""

    parts: list[Part]
    port: int
    project: str = ""
    key: str = ""

    @property
    def base(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    def request(self, connection: Connection, event_id: str, content: bytes) -> bytes:
        """The request that sends one event, as today's clients do: an envelope."""
        head = b'{"event_id":"%s"}\n{"type":"event","length":%d}\n' % (event_id.encode(), len(content))
        return connection.request(
            "POST",
            f"/api/{self.project}/envelope/",
            head + content + b"\n",
            Content_Type="application/x-sentry-envelope",
            X_Sentry_Auth=f"Sentry sentry_version=7, sentry_key={self.key}",
        )

    def stop(self) -> None:
        """Stop web and task runner."""
        for part in self.parts:
            part.stop()


def start(folder: Path, address: str) -> Bugsink:
    """Bugsink on an empty database `bugsink` of the PostgreSQL at user@host:port, with a project to send to."""
    folder.mkdir()
    user, _, place = address.partition("@")
    host, _, port = place.partition(":")
    web = free_port()
    quotas = {f"MAX_EVENTS_{quota}": 1_000_000_000 for quota in QUOTAS}
    settings = SETTINGS.format(user=user, host=host, port=port, folder=folder, web=web, quotas=quotas)
    (folder / "bugsink_conf.py").write_text(settings)
    environ = {"DJANGO_SETTINGS_MODULE": "bugsink_conf", "PYTHONPATH": str(folder), "PATH": f"{PROGRAMS}:/usr/bin:/bin"}
    _manage(folder, environ, "migrate")
    _manage(folder, environ, "migrate", "snappea", "--database=snappea")
    project, key = _manage(folder, environ, "shell", "-c", ADD_PROJECT).split()[-2:]
    gunicorn = [str(PROGRAMS / "gunicorn"), "--workers", str(WEB_PROCESSES), "--threads", str(WEB_THREADS),
                "--worker-class", "gthread", "--log-level", "warning", "--bind", f"127.0.0.1:{web}",
                "bugsink.wsgi"]  # fmt: skip
    parts = [
        Part("Bugsink's tasks", [str(PROGRAMS / "bugsink-runsnappea")], folder / "snappea.log", environ, folder),
        Part("Bugsink's web", gunicorn, folder / "web.log", environ, folder, stop_signal=QUICKLY),
    ]
    made = Bugsink(parts, web, project, key)
    try:
        for part in parts:
            part.start()
        await_answer(parts, lambda: Connection(made.base).get("/health/ready"))
    except BaseException:
        made.stop()
        raise
    return made


def _manage(folder: Path, environ: dict[str, str], *arguments: str) -> str:
    command = [str(PROGRAMS / "bugsink-manage"), *arguments]
    done = subprocess.run(  # noqa: S603  the bench's own command
        command, capture_output=True, text=True, check=False, env=environ, cwd=folder, timeout=180
    )
    if done.returncode:
        raise RuntimeError(f"bugsink-manage {arguments[0]} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    return done.stdout
