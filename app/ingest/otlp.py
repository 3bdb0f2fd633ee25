"""What exporters of OpenTelemetry send to `/v1/logs`: a log for each record that tells of a crash; all others are dropped.

Source: OTLP/HTTP of the OpenTelemetry protocol 1.9, by the messages that opentelemetry-proto publishes.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from app.errors import BadParameters, TooLarge
from app.parsers.envelope_items import json_object
from app.parsers.otlp_logs import has_time, is_crash, records
from app.parsers.protobuf_wire import ProtobufMessage, Wire

MAX_REPORTS = 1_000  # crash reports of one request; exporters send 512 records at a time, collectors some thousands
MAX_FIELDS = 500_000  # of a request: a message of two bytes takes a hundred in memory
MAX_DEPTH = 90  # messages inside messages; protobuf itself reads 100
_TELLING = ("exception.", "crash.", "metrickit.", "event.name", "name")

_Record = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]  # the record, its resource, its scope


class Export(NamedTuple):
    """The crash reports of one request."""

    logs: list[tuple[str | None, bytes]]  # log_id, the same for a record that is sent again, and bytes
    rejected: int  # records with crashes that are too many


def crashes_of(content: bytes) -> Export:
    """Read a request in protobuf or in JSON. Raises BadParameters or TooLarge."""
    is_json = content.lstrip()[:1] == b"{"  # no field of protobuf begins so
    found = [record for record in (_of_json(content) if is_json else _of_protobuf(content)) if is_crash(record[0])]
    return Export([_log(*record) for record in found[:MAX_REPORTS]], max(0, len(found) - MAX_REPORTS))


def response_to(export: Export, *, as_json: bool) -> bytes:
    """The body that answers an exporter."""
    response = ExportLogsServiceResponse()
    if export.rejected:
        response.partial_success.rejected_log_records = export.rejected
        response.partial_success.error_message = f"More than {MAX_REPORTS} crash reports in one request"
    if not as_json:
        return bytes(response.SerializeToString())
    return json.dumps(MessageToDict(response), separators=(",", ":")).encode()


def _of_json(content: bytes) -> Iterator[_Record]:
    request = json_object(content)
    if request is None:
        raise BadParameters("The request is no JSON object")
    yield from records(request)


def _of_protobuf(content: bytes) -> Iterator[_Record]:
    _check(content)
    request = ExportLogsServiceRequest()
    try:
        request.ParseFromString(content)
    except DecodeError:
        raise BadParameters("The request is no ExportLogsServiceRequest in protobuf or JSON") from None
    for resource_logs in request.resource_logs:
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                if record.event_name or any(pair.key.startswith(_TELLING) for pair in record.attributes):
                    yield _as_dict(record), _as_dict(resource_logs.resource), _as_dict(scope_logs.scope)


def _as_dict(message: Message) -> dict[str, Any]:
    """As OTLP has it in JSON, where enumerations are numbers."""
    found: dict[str, Any] = MessageToDict(message, use_integers_for_enums=True)
    return found


def _check(content: bytes) -> None:
    """Raises BadParameters or TooLarge before the messages are built in memory."""
    wire = Wire(MAX_FIELDS, MAX_DEPTH)
    _walk(ProtobufMessage(content, wire), ExportLogsServiceRequest.DESCRIPTOR)
    if wire.left <= 0:
        raise TooLarge(f"The request has more than {MAX_FIELDS} fields")
    if wire.damage:
        raise BadParameters(f"The request is no ExportLogsServiceRequest in protobuf or JSON: {wire.damage}")


def _walk(message: ProtobufMessage, kind: Descriptor) -> None:
    for field in kind.fields:
        if field.message_type is not None:
            for child in message.messages(field.number):
                _walk(child, field.message_type)


def _log(record: dict[str, Any], resource: dict[str, Any], scope: dict[str, Any]) -> tuple[str | None, bytes]:
    whole = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": [record]}]}]}
    content = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return f"otlp-{hashlib.sha256(content).hexdigest()[:32]}" if has_time(record) else None, content
