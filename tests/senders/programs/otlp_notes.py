"""A program whose log goes over OTLP to where its environment says, and which logs what it does and an error."""

import logging

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource


def open_notebook(pages):
    return pages[7]


provider = LoggerProvider(Resource.create({"service.name": "notes", "service.version": "1.2"}))
provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(compression=Compression.Gzip)))
logging.getLogger().addHandler(LoggingHandler(logger_provider=provider))
logging.getLogger().setLevel(logging.INFO)

logging.info("the program has started")
try:
    open_notebook([])
except IndexError:
    logging.exception("no notebook was opened")
print(provider.force_flush())
provider.shutdown()
