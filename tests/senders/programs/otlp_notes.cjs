// A program whose log goes to an address over OTLP, in protobuf or JSON, and which logs what it does and an error.
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${process.argv[2]}`);
const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");

function openNotebook(notebook) {
  return notebook.title.length;
}

const exporter = new OTLPLogExporter({
  url: `${process.env.ADDRESS}/v1/logs`,
  headers: { Authorization: `Bearer ${process.env.KEY}` },
});
const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
const logger = provider.getLogger("notes");

logger.emit({ severityNumber: 9, body: "the program has started" });
try {
  openNotebook({});
} catch (error) {
  const attributes = {
    "exception.type": error.name,
    "exception.message": error.message,
    "exception.stacktrace": error.stack,
  };
  logger.emit({ severityNumber: 17, body: "no notebook was opened", attributes });
}
provider.shutdown();
