"""How commands are given a password: never as an argument, which other users of the machine could read."""

import sys

import click


def read_password(*, confirm: bool = False) -> str:
    """From a prompt, or as one line of standard input."""
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True)
        return password
    return sys.stdin.readline().rstrip("\r\n")
