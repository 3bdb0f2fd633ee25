"""`crashq completion`: what a shell needs to complete commands, options and their values."""

import click
from click.shell_completion import get_completion_class

from app.cli import main

SHELLS = ("bash", "zsh", "fish")


@main.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion for SHELL: put `eval "$(crashq completion bash)"` into its start file."""
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "crashq", "_CRASHQ_COMPLETE").source())
