"""The headings of the API's description, in the order of its page for people."""

from typing import NamedTuple


class Tag(NamedTuple):
    """A heading, and one sentence below it."""

    name: str
    about: str


LOGIN = Tag("Login", "Get a token, and end it.")
LOGS = Tag("Logs", "Send crash logs as they are, and see what became of them.")
SENDERS = Tag(
    "Senders", "What Sentry's SDKs, ACRA, Breakpad, Crashpad, KSCrash and Bugsnag's notifiers send, with the app's key."
)
APPS = Tag("Apps", "The apps that you may see, and their crashes.")
CRASHES = Tag("Crashes", "A crash, why its occurrences are one, and what people decide about that.")
REGROUPING = Tag("Regrouping", "Stored logs grouped anew, by the rules of a newer release and by what people decided.")
RESULTS = Tag("Questions", "Answered by jobs: repeat the request until `loading` is `[false]`.")
JOBS = Tag("Jobs", "How far the work on a question is, and what became of it.")
DOWNLOADS = Tag("Downloads", "Finished files behind signed links.")
ACCESS = Tag("Members and keys", "Who may see an app, what its copies send with, and keys for scripts.")
PRIVACY = Tag("Privacy", "How long data is kept, what is taken out of reports, and the erasure of a user.")
DATA_EXPORTERS = Tag("Data exporters", "Whole apps, at regular times, to a bucket or a folder.")
SYMBOLS = Tag("Symbols", "Debug information and mappings, by which reports name their frames.")
SYMBOL_UPLOADS = Tag("Symbols in chunks", "Large files of symbols, sent in chunks that survive an interruption.")
SENTRY = Tag(
    "Sentry's tools", "What sentry-cli and the build plugins of Sentry call, with a member's token or an upload key."
)
WEBHOOKS = Tag("Webhooks", "Told at the end of a job and of a new crash: signed, retried, replayable.")
NOTIFICATIONS = Tag(
    "Notifications", "Told by mail, chat or webhook of new crashes, of crashes that grow, and of days and weeks."
)
SERVICE = Tag("Service", "Is it up, how busy is it, what can it do.")

ALL = (
    LOGIN,
    LOGS,
    SENDERS,
    APPS,
    CRASHES,
    REGROUPING,
    RESULTS,
    JOBS,
    DOWNLOADS,
    ACCESS,
    PRIVACY,
    DATA_EXPORTERS,
    SYMBOLS,
    SYMBOL_UPLOADS,
    SENTRY,
    WEBHOOKS,
    NOTIFICATIONS,
    SERVICE,
)
"""In the order of the page for people."""
