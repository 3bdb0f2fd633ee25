"""`crashq remote`: a crashq server from afar, over its API."""

from app.cli import main


@main.group()
def remote() -> None:
    """A crashq server over HTTP: crashes, occurrences, reports, batches, jobs, uploads.

    Every command takes --json, --url, --timeout, --patience and --quiet. Exit codes: 0 done; 1 failed; 2 wrong use;
    3 not signed in, or refused; 4 not found; 5 server away; 6 out of time; 130 interrupted.
    """


# The commands register themselves with `remote` when they are imported.
from app.cli.remote import batch, jobs, reading, signing_in, triage, upload  # noqa: E402, F401
