"""What every command of `crashq remote` shares: its options, its sign-in, its client, and how it ends."""

import functools
import json
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from app.cli.remote.teller import Bar, Teller
from app.client import (
    Client,
    ClientError,
    Limits,
    NotAllowed,
    NotSignedIn,
    NotThere,
    OutOfTime,
    Progress,
    Refused,
    Unreachable,
)
from app.client.errors import Busy

DONE = 0
FAILED = 1
WRONG_USE = 2
NOT_SIGNED_IN = 3
NOT_FOUND = 4
SERVER_AWAY = 5
OUT_OF_TIME = 6
INTERRUPTED = 130

_CODES: tuple[tuple[type[ClientError], int], ...] = (
    (NotAllowed, NOT_SIGNED_IN),
    (NotSignedIn, NOT_SIGNED_IN),
    (NotThere, NOT_FOUND),
    (Busy, SERVER_AWAY),
    (Unreachable, SERVER_AWAY),
    (OutOfTime, OUT_OF_TIME),
)
NAME = "remote.json"
PRIVATE = 0o600
URL, TOKEN = "CRASHQ_REMOTE_URL", "CRASHQ_REMOTE_TOKEN"
PATIENCE = 60.0  # seconds


def exit_code(problem: ClientError) -> int:
    """The code for an error."""
    if isinstance(problem, Refused) and problem.status == 400:
        return WRONG_USE
    return next((code for kind, code in _CODES if isinstance(problem, kind)), FAILED)


def sign_ins_file() -> Path:
    """Where it is: below XDG_CONFIG_HOME, or what the system has in its place."""
    return Path(click.get_app_dir("crashq")) / NAME


def token_of(url: str) -> str | None:
    """The token for a server."""
    known = _read()["servers"].get(url)
    token = known.get("token") if isinstance(known, dict) else None
    return token if isinstance(token, str) else None


def latest_url() -> str | None:
    """The server that was logged in to last."""
    latest = _read()["latest"]
    return latest if isinstance(latest, str) else None


def keep(url: str, email: str, token: str) -> None:
    """Remember a login."""
    known = _read()
    known["servers"][url] = {"email": email, "token": token}
    _write({**known, "latest": url})


def forget(url: str) -> None:
    """Forget a login."""
    known = _read()
    known["servers"].pop(url, None)
    latest = known["latest"] if known["latest"] != url else next(iter(known["servers"]), None)
    _write({**known, "latest": latest})


def _read() -> dict[str, Any]:
    """Raises NotAllowed when others may read the file, or it is no such file."""
    path = sign_ins_file()
    try:
        with path.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise NotAllowed(f"{path} may be read by others", f"chmod 600 {path}, and log in again")
            known = json.load(opened)
    except FileNotFoundError:
        known = {}
    except ValueError:
        raise NotAllowed(f"{path} cannot be read", "Delete it and log in again") from None
    servers = known.get("servers", {}) if isinstance(known, dict) else None
    if not isinstance(servers, dict):
        raise NotAllowed(f"{path} cannot be read", "Delete it and log in again")
    return {"latest": known.get("latest"), "servers": servers}


def _write(known: dict[str, Any]) -> None:
    """At once or not at all: a file beside it takes its place."""
    path = sign_ins_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{NAME}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(descriptor, "w") as opened:
            json.dump(known, opened, indent=1)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@dataclass
class Remote:
    """What a command works with."""

    teller: Teller
    url: str | None
    insecure: bool
    limits: Limits
    go_on: str = ""  # what to do after an interruption
    _clients: list[Client] = field(default_factory=list)

    def client(self) -> Client:
        """The server that is meant, with the token for it. Raises NotAllowed."""
        url = self.url or latest_url()
        if url is None:
            raise NotAllowed("Which server?", f"Log in with `crashq remote login --url URL`, or set {URL}")
        client = self.anonymous(url)
        token = os.environ.get(TOKEN) or token_of(client.url)
        if not token:
            raise NotAllowed(f"You are not logged in to {client.url}", f"crashq remote login --url {client.url}")
        return self.anonymous(url, token)

    def anonymous(self, url: str, token: str | None = None) -> Client:
        """A client of a server, without a token unless one is given."""
        made = Client(url, token, insecure=self.insecure, limits=self.limits, on_trouble=self.teller.retry)
        self._clients.append(made)
        return made

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            client.close()


def remote_command(group: click.Group, name: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a function `(remote, …)` a command of the group; its docstring is the help."""

    def decorate(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def run(
            url: str | None,
            as_json: bool,
            insecure: bool,
            timeout: float | None,
            patience: float,
            quiet: bool,
            **more: Any,
        ) -> None:
            teller = Teller(as_json=as_json, quiet=quiet)
            remote = Remote(teller, url, insecure, Limits(patience=patience, deadline=timeout))
            try:
                function(remote, **more)
            except ClientError as problem:
                teller.problem(problem, remote.go_on if problem.is_transient else "")
                raise click.exceptions.Exit(exit_code(problem)) from None
            except BrokenPipeError:
                raise  # click ends quietly
            except OSError as problem:
                teller.problem(problem, remote.go_on)
                raise click.exceptions.Exit(1) from None
            except (KeyboardInterrupt, click.Abort):
                teller.warn(f"Interrupted. {remote.go_on}".rstrip())
                raise click.exceptions.Exit(INTERRUPTED) from None
            finally:
                remote.close()

        own, run.__click_params__ = getattr(function, "__click_params__", []), []  # type: ignore[attr-defined]
        for option in reversed(_OPTIONS):
            run = option(run)
        run.__click_params__ += own  # type: ignore[attr-defined]  # in the order of the help: its own first
        return group.command(name)(run)

    return decorate


def progress_of(bar: Bar) -> Callable[[Progress], None]:
    """Lets a bar tell the progress of a job."""
    return lambda progress: bar.update(
        progress.done, progress.total, f"{progress.done:,} of {progress.total:,} {progress.unit}"
    )


_OPTIONS = (
    click.option("--url", envvar=URL, metavar="URL", help="The server. [default: the one logged in to last]"),
    click.option("--json", "as_json", is_flag=True, help="JSON on standard output: one value, or a line for each row."),
    click.option("--timeout", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Give up after this time."),
    click.option(
        "--patience", type=click.FloatRange(min=0), default=PATIENCE, show_default=True, metavar="SECONDS",
        help="Go on for so long while the server is away.",
    ),
    click.option("--quiet", "-q", is_flag=True, help="No progress."),
    click.option("--insecure", is_flag=True, help="Send the token over plain http to another machine."),
)  # fmt: skip
