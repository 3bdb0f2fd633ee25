"""A program whose log goes to an address over OTLP, and which logs what it does and an error."""

import logging
import os

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource


def open_notebook(pages):
    return pages[7]


provider = LoggerProvider(Resource.create({"service.name": "notes", "service.version": "1.2"}))
exporter = OTLPLogExporter(
    os.environ["ADDRESS"] + "/v1/logs",
    headers={"Authorization": f"Bearer {os.environ['KEY']}"},
    compression=Compression.Gzip,
)
provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
logging.getLogger().addHandler(LoggingHandler(logger_provider=provider))
logging.getLogger().setLevel(logging.INFO)

logging.info("the program has started")
try:
    open_notebook([])
except IndexError:
    logging.exception("no notebook was opened")
print(provider.force_flush())
provider.shutdown()
