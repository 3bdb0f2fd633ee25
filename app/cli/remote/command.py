"""What every command of `crashq remote` shares: its options, its client, and how it ends."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click

from app.cli.remote.exit_codes import INTERRUPTED, exit_code
from app.cli.remote.sign_ins import latest_url, token_of
from app.cli.remote.teller import Bar, Teller
from app.client import Client, ClientError, Limits, NotAllowed, Progress

URL, TOKEN = "CRASHQ_REMOTE_URL", "CRASHQ_REMOTE_TOKEN"
PATIENCE = 60.0  # seconds


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
