"""What ACRA's HttpSender sends: one JSON object, named by its REPORT_ID."""

import hashlib
import re

from app.errors import BadParameters
from app.parsers.envelope_items import json_object

_REPORT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


def log_id_of_acra(content: bytes) -> str:
    """The same name for a report that is sent again. Raises BadParameters when it is no JSON object."""
    report = json_object(content)
    if report is None:
        raise BadParameters("The report is no JSON object; ACRA sends one with reportFormat = StringFormat.JSON")
    report_id = report.get("REPORT_ID")
    if isinstance(report_id, str) and _REPORT_ID.fullmatch(report_id):
        return f"acra-{report_id}"
    return f"acra-{hashlib.sha256(content).hexdigest()[:32]}"
