"""What ACRA's HttpSender sends: one report as a JSON object, or as a form of texts, named by its REPORT_ID.

Source: ACRA 5's "Http Sender Format Definition" (https://github.com/ACRA/acra, acra-http).
"""

import hashlib
import json
import re
from urllib.parse import parse_qsl

from app.errors import BadParameters
from app.parsers.envelope_items import json_object

MAX_FIELDS = 1_000  # of a form; ACRA knows some forty

_REPORT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_FORM = re.compile(rb"[A-Za-z0-9_.%+*-]{1,200}=")
_ATTACHMENT = re.compile(r"(?P<report>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})-.+")


def report_of(content: bytes) -> bytes:
    """The report as JSON: as it was sent, or made of a form (KEY_VALUE_LIST). Raises BadParameters when it is neither."""
    if not _FORM.match(content):
        return content
    try:
        fields = parse_qsl(content.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise BadParameters(f"The report is no form of up to {MAX_FIELDS} fields") from None
    return json.dumps(dict(fields), ensure_ascii=False).encode(errors="replace")


def log_id_of_acra(content: bytes) -> str:
    """The same name for a report that is sent again. Raises BadParameters when it is no JSON object."""
    report = json_object(content)
    if report is None:
        raise BadParameters("The report is neither a JSON object nor a form")
    report_id = report.get("REPORT_ID")
    if isinstance(report_id, str) and _REPORT_ID.fullmatch(report_id):
        return f"acra-{report_id}"
    return f"acra-{hashlib.sha256(content).hexdigest()[:32]}"


def report_of_attachment(name: str) -> str | None:
    """The id of the report, where a PUT is named as one of its attachments; None where it is named as a report."""
    found = _ATTACHMENT.fullmatch(name)
    return found["report"] if found else None
