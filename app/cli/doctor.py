"""`crashq doctor`: does every row have its object, and every object its row?"""

import sys
from pathlib import Path

import click
from rich.console import Console

from app.cli import DATA_DIR, main
from app.cli.opening import opened
from app.operations.doctor import examine
from app.telemetry.canary import last_canary


@main.command()
@click.option("--mend", is_flag=True, help="Put right what is found; without it nothing is changed.")
@DATA_DIR
def doctor(mend: bool, data_dir: Path) -> None:
    """Compare database and storage, beside a running service or not. Exits 1 when something is found and not mended."""
    console = Console(stderr=True)
    found = 0
    with opened(data_dir) as services, console.status("Comparing database and storage…") as status:
        console.print(f"Last canary: {last_canary(services)}", highlight=False)
        for finding in examine(services):
            found += 1
            status.update(f"Comparing database and storage… {found} found")
            if mend:
                finding.mend()
            click.echo(
                f"{'mended' if mend else 'found'}: {finding.what}; {'' if mend else 'with --mend '}{finding.remedy}"
            )
    click.echo(f"{found} found{', all mended' if found and mend else ''}")
    if found and not mend:
        sys.exit(1)
