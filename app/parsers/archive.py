"""A .zip or .tar.gz of logs in any format, or a .gz of one: one log that holds all their crash reports, in the
archive's order.

What is read of archives themselves: see archive_members.py. Each file is read by the one parser that claims it; an
archive inside an archive is not. Files that cannot be read do not keep the others from being counted; the reason is
stored with the log.
"""

from collections.abc import Iterator
from dataclasses import replace

from app import parsers
from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers.archive_members import is_gzip, is_zip, members
from app.parsers.document import Document, unread_sentence

FORMAT = "archive"


def sniff(document: Document) -> bool:
    """True for what begins as a .zip or gzip does."""
    return is_zip(document.raw) or is_gzip(document.raw)


def parse(document: Document) -> list[CrashLog]:
    """All crash reports of all files. Raises MalformedLog when no file can be read, with the reasons."""
    return list(reports(document))


def reports(document: Document) -> Iterator[CrashLog]:
    """The same one by one: no more than one file of the archive is unpacked at a time."""
    has_read = False
    for name, content, problem in members(document.raw, document.max_unpacked):
        if content is not None:
            try:
                found = _read(content, brief=document.brief)
            except MalformedLog as error:
                problem = error.message
            else:
                has_read = True
                for log in found:
                    yield replace(log, notes=(*log.notes, f"In the archive: {name}"))
        if problem:
            document.add_unread(f"{name}: {problem}")
    if not has_read:
        reason = unread_sentence(document) or "it is empty"
        raise MalformedLog(f"The archive holds no log that can be read: {reason}")


def _read(content: bytes, *, brief: bool) -> list[CrashLog]:
    member = Document(content, brief=brief)
    if sniff(member):
        raise MalformedLog("an archive inside an archive is not read")
    return parsers.recognise(member).parse(member)
