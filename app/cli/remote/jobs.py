"""`crashq remote jobs`: what you asked for and what became of it."""

from itertools import islice

import click

from app.cli.remote import remote
from app.cli.remote.command import FAILED, Remote, remote_command
from app.cli.remote.reading import LIMIT
from app.client import Job


@remote.group()
def jobs() -> None:
    """The jobs that you asked for."""


@remote_command(jobs, "list")
@click.option("--state", help="Only those in this state; live: queued or running.")
@click.option("--app", metavar="APP", help="Only those about this app.")
@LIMIT
def list_jobs(session: Remote, state: str | None, app: str | None, limit: int | None) -> None:
    """Your jobs, newest first: job, kind, state, when it was asked for."""
    found = session.client().jobs(state=state, app=app)
    session.teller.rows(islice(found, limit), ("job_id", "kind", "state", "created_at"))


@remote_command(jobs, "show")
@click.argument("job")
def show(session: Remote, job: str) -> None:
    """One job: state, progress, attempts, times, and why it failed."""
    found = session.client().job(job)
    session.teller.value(found, _lines(found))


@remote_command(jobs, "cancel")
@click.argument("job")
def cancel(session: Remote, job: str) -> None:
    """Cancel a live job, or free the files of a finished one. When others wait for it too, it only takes you off it."""
    found = session.client().cancel(job)
    session.teller.value(found, [f"{found.job_id}\t{found.state}"])


@remote_command(jobs, "retry")
@click.argument("job")
def retry(session: Remote, job: str) -> None:
    """Ask anew what a failed, cancelled or expired job was asked; prints the id of the new one."""
    found = session.client().retry(job)
    session.teller.value(found, [found.job_id])


@remote_command(jobs, "watch")
@click.argument("job")
def watch(session: Remote, job: str) -> None:
    """Follow a job to its end; exit code 1 unless it finished. With --json a line for each change."""
    session.go_on = f"The job goes on: crashq remote jobs watch {job}"
    latest: Job | None = None
    with session.teller.bar(job) as bar:
        for latest in session.client().follow(job):
            if session.teller.as_json:
                session.teller.value(latest, [])
            done, total = latest.progress.done, latest.progress.total
            bar.update(done, total, f"{latest.state}, {done:,} of {total:,} {latest.progress.unit}")
    assert latest is not None
    if not session.teller.as_json:
        session.teller.value(latest, _lines(latest))
    if latest.state != "finished":
        raise click.exceptions.Exit(FAILED)


def _lines(job: Job) -> list[str]:
    progress = job.progress
    lines = [
        f"job\t{job.job_id}",
        f"kind\t{job.kind}",
        f"state\t{job.state}",
        f"progress\t{progress.done} of {progress.total} {progress.unit}",
        f"attempts\t{job.attempts}",
        f"asked\t{job.created_at}",
    ]
    if job.finished_at:
        lines.append(f"ended\t{job.finished_at}")
    if job.error:
        lines.append(f"failed\t{job.error.message}")
        lines += [f"\t{sentence}" for sentence in (job.error.explanation, job.error.advice) if sentence]
    return lines
