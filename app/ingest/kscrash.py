"""What KSCrash's HTTP sinks send: a list of reports, each of which becomes a log."""

import hashlib
import json
import re
from typing import Any

from app.errors import BadParameters
from app.parsers import apple_text
from app.parsers.document import Document, load_json
from app.parsers.kscrash import holds_crash, is_report
from app.parsers.values import mapping

MAX_REPORTS = 100  # of one request; KSCrash keeps five on a device unless its app says otherwise
_REPORT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


def logs_of_reports(content: bytes) -> list[tuple[str | None, bytes]]:
    """(log_id, bytes) of each report with a crash, under the same name when it is sent again. Raises BadParameters.

    Reports may be in Apple's text, which a filter of KSCrash's makes of them. What holds no crash, such as a report of the
    app's own, is left out: KSCrash would send it again and again with the others.
    """
    try:
        value, _ = load_json(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        value = None
    listed = value if isinstance(value, list) else [value]
    if not any(_is_known(each) for each in listed):
        raise BadParameters("The reports are no JSON of KSCrash's")
    if len(listed) > MAX_REPORTS:
        raise BadParameters(f"More than {MAX_REPORTS} reports came in one request")
    return [_log(each) for each in listed if _holds_crash(each)]


def _is_known(value: Any) -> bool:
    return is_report(value) or _is_text(value)


def _holds_crash(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, dict) and holds_crash(value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and apple_text.sniff(Document(value.encode("utf-8", "replace")))


def _log(value: Any) -> tuple[str, bytes]:
    if isinstance(value, str):
        content, report_id = value.encode("utf-8", "replace"), None
    else:
        content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        report_id = mapping(value.get("report")).get("id")
    if isinstance(report_id, str) and _REPORT_ID.fullmatch(report_id):
        return f"kscrash-{report_id}", content
    return f"kscrash-{hashlib.sha256(content).hexdigest()[:32]}", content
