"""crashq's client for programs: asks, polls, streams, downloads and resumes over HTTP, and needs nothing of the server's code."""

from app.client.client import Client
from app.client.errors import (
    BadAnswer,
    Busy,
    ClientError,
    Damaged,
    NotAllowed,
    NotSignedIn,
    NotThere,
    OutOfTime,
    Refused,
    Unreachable,
)
from app.client.models import (
    App,
    ChangedCrash,
    Comment,
    Crash,
    CrashSummary,
    HistoryEntry,
    Job,
    LogState,
    Manifest,
    Occurrence,
    Progress,
    ReceivedLog,
    RemoteFile,
    Symbols,
)
from app.client.patience import Limits
from app.client.questions import BatchQuestion

__all__ = [
    "App",
    "BadAnswer",
    "BatchQuestion",
    "Busy",
    "ChangedCrash",
    "Client",
    "ClientError",
    "Comment",
    "Crash",
    "CrashSummary",
    "Damaged",
    "HistoryEntry",
    "Job",
    "Limits",
    "LogState",
    "Manifest",
    "NotAllowed",
    "NotSignedIn",
    "NotThere",
    "Occurrence",
    "OutOfTime",
    "Progress",
    "ReceivedLog",
    "Refused",
    "RemoteFile",
    "Symbols",
    "Unreachable",
]
