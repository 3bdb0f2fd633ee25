"""Why a job failed, in words for the person who asked, and what they can do about it."""

from typing import NamedTuple


class Reason(NamedTuple):
    """Two sentences."""

    explanation: str  # what happened
    advice: str  # what to do next


ANYTHING = Reason(
    "Something went wrong on the server.",
    "Retry it; if it fails again, tell the operator the job's id.",
)


REASONS = {
    "attempts_used_up": Reason(
        "Several workers tried, and each attempt ended in a failure that might have passed.",
        "Retry it; if it fails again, tell the operator the job's id: the service's log says what its workers met.",
    ),
    "outage_lasted": Reason(
        "The database or the store was away for longer than a job waits.",
        "Retry it when the service is well again: its readiness page names what is away.",
    ),
    "took_too_long": Reason(
        "It took longer than a job may, and was stopped.",
        "Ask for less, a shorter time or fewer filters, or for a batch, which is made in parts.",
    ),
    "malformed_log": Reason(
        "The stored log can no longer be read as the format it was digested as.",
        "Look at the log; send it again in whole if you have it. Trying again does not help.",
    ),
    "unknown_format": Reason(
        "The stored log can no longer be read: no parser knows its format.",
        "Look at the log; send it again in whole if you have it. Trying again does not help.",
    ),
    "log_removed": Reason(
        "The log it needs was older than the app keeps logs, and has been removed.",
        "Nothing brings it back; keep logs for longer in the app's settings if you need reports of old crashes.",
    ),
    "object_not_found": Reason(
        "A file that it needs is not in the store any more.",
        "Tell the operator: `crashq doctor` lists what is missing.",
    ),
    "object_damaged": Reason(
        "A file that it needs is in the store, but not whole.",
        "Tell the operator: `crashq doctor` lists what is damaged, and a backup may have it whole.",
    ),
    "reports_changed": Reason(
        "The app's redaction or symbols changed while the batch was made, so its parts would not agree.",
        "Retry it: the new batch is made by the new settings.",
    ),
    "not_found": Reason(
        "What it was asked about is no longer there: merged, aged or erased.",
        "Look for the crash in the app's list and ask there.",
    ),
    "crash_not_found": Reason(
        "The crash is no longer there: merged, aged or erased.",
        "Look for it in the app's list and ask there.",
    ),
    "gone": Reason(
        "What it was to be made of has been removed meanwhile.",
        "Retry it if what you need is still in the app's list.",
    ),
    "conflict": Reason(
        "Something changed under it while it was made.",
        "Retry it.",
    ),
    "bad_parameters": Reason(
        "The request makes no sense to this release of the service.",
        "Ask again from the page of the crash or the app.",
    ),
    "internal_error": ANYTHING,
}
"""Code of a failed job -> what to say. Codes are those of `app.errors` and of whatever `compute` raises."""


def reason_of(code: str | None) -> Reason:
    """What to say about a failure."""
    return REASONS.get(code or "", ANYTHING)
