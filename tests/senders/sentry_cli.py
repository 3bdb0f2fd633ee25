"""Runs the binaries of sentry-cli that npm has brought."""

import json
import os
import subprocess
from pathlib import Path

from tests.senders.conftest import MODULES, Receiver
from tests.servers import missing

GRACE = 60.0  # seconds for a command
PACKAGES = {"2": MODULES / "sentry-cli-2", "3": MODULES / "@sentry" / "cli"}
"""Major version of sentry-cli -> the package that has brought it."""


class SentryCli:
    """One version of sentry-cli, as a build of an app calls it: with the address and a key in its environment."""

    def __init__(self, receiver: Receiver, major: str, app: str, key: str) -> None:
        self.major, self.binary = major, _binary(major)
        self.environ = {
            "SENTRY_URL": receiver.http.base, "SENTRY_AUTH_TOKEN": key, "SENTRY_ORG": "any", "SENTRY_PROJECT": app,
        }  # fmt: skip

    def run(self, *arguments: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder; its output and its return code."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SENTRY_")}
        return subprocess.run(
            [str(self.binary), *arguments], cwd=folder, env={**kept, **self.environ, **environ}, capture_output=True,
            text=True, timeout=GRACE, check=False,
        )  # fmt: skip

    def succeed(self, *arguments: str, folder: Path, **environ: str) -> str:
        """Run a command that has to succeed; returns what it prints."""
        made = self.run(*arguments, folder=folder, **environ)
        assert made.returncode == 0, f"{made.stdout}{made.stderr}"
        return made.stdout


def _binary(major: str) -> Path:
    """The binary for this machine: beside the package or, of another version than the first one's, within it."""
    package = PACKAGES[major]
    for folder in (package / "node_modules" / "@sentry", MODULES / "@sentry"):
        for binary in folder.glob("cli-*/bin/sentry-cli"):
            described = json.loads((binary.parents[1] / "package.json").read_text())
            if described["version"].startswith(f"{major}."):
                return binary
    return missing("@sentry/cli", "make installs it where there is npm")
