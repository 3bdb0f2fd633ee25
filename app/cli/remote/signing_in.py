"""`crashq remote login` and `logout`."""

import click

from app.cli.arguments import read_password
from app.cli.remote import remote
from app.cli.remote.command import TOKEN, Remote, forget, keep, latest_url, remote_command, sign_ins_file, token_of
from app.client import NotAllowed

HERE = "http://127.0.0.1:8000"  # where `crashq up` listens


@remote_command(remote, "login")
@click.argument("email")
def login(session: Remote, email: str) -> None:
    """Log in; the password comes from a prompt, or as one line of standard input.

    The token is kept in a file that only you can read. Without --url: the server logged in to last, else this machine.
    """
    client = session.anonymous(session.url or latest_url() or HERE)
    keep(client.url, email, client.login(email, read_password()))
    sign_in = {"url": client.url, "email": email, "file": str(sign_ins_file())}
    session.teller.value(sign_in, [f"logged in to {client.url} as {email}"])


@remote_command(remote, "logout")
def logout(session: Remote) -> None:
    """End the login on the server and forget its token."""
    url = session.url or latest_url()
    known = session.anonymous(url) if url is not None else None
    token = token_of(known.url) if known else None
    if known is None or token is None:
        raise NotAllowed("You are not logged in", f"A token in {TOKEN} is ended by unsetting it")
    session.anonymous(known.url, token).logout()
    forget(known.url)
    session.teller.value({"url": known.url}, [f"logged out of {known.url}"])
