"""The group of each crash report in a log's bytes: what a digest and a regrouping have to agree on."""

import json
from typing import NamedTuple

from app.crashes.facts import Facts, facts
from app.crashes.fingerprint import Fingerprint, crash_identifier, fingerprint
from app.crashes.log import CrashLog
from app.crashes.splitting import Split, split_apart
from app.crashes.title import title
from app.db.queries.moves import Group
from app.parsers import recognise
from app.parsers.document import Document, unread_sentence
from app.services import Services
from app.symbolication.bulk_symbols import BulkSymbols
from app.symbols.resolving import Resolved


class Grouped(NamedTuple):
    """A crash report as it is stored."""

    parsed: CrashLog
    group: Group
    facts: Facts
    awaited: tuple[str, ...]  # symbols that it waits for: its group may be another one then


class GroupedLog(NamedTuple):
    """What a log's bytes hold."""

    format: str
    reports: list[Grouped]  # in the log's order
    unread: str | None = None  # which parts of an archive or of JSON Lines could not be read, and why


def read_and_group(
    services: Services, app_id: int, app: str, raw: bytes, splits: tuple[Split, ...], symbols: BulkSymbols | None = None
) -> GroupedLog:
    """The crash reports of a log, each grouped; `app` is the identifier. Raises MalformedLog or TransientError.

    All that decides how a stored log is grouped happens in here, so that a log digested twice is grouped alike: frames get
    the names that the app's symbols know before they are fingerprinted, and splits hold. Logs digested in bulk share `symbols`.
    """
    document = Document(raw, brief=True, max_unpacked=services.config.max_log_bytes)
    parser = recognise(document)
    known = symbols or BulkSymbols(services)
    reports = [group(app, known.resolve(app_id, parsed), splits) for parsed in parser.parse(document)]
    return GroupedLog(parser.FORMAT, reports, unread_sentence(document))


def group(app: str, resolved: Resolved, splits: tuple[Split, ...] = ()) -> Grouped:
    """The group of a crash report by its fingerprint and the app's splits alone."""
    parsed = resolved.log
    made = split_apart(fingerprint(parsed), parsed, splits)
    identifier = crash_identifier(app, made)
    reason = why(made, symbols=resolved.used)
    found = Group(identifier, made.value, made.version, title(parsed), reason)
    return Grouped(parsed, found, facts(parsed), resolved.awaited)


def why(made: Fingerprint, *, symbols: bool = False) -> str:
    """What is stored with a crash to explain it: JSON of `rule`, `version` and `parts`, without what no text may hold.

    `symbols` is in it, and true, when names came from symbols.
    """
    parts = {"rule": made.rule, "version": made.version, "parts": [_storable(part) for part in made.parts]}
    if symbols:
        parts["symbols"] = True
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
