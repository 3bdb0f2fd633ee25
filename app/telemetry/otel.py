"""Traces by OpenTelemetry, over OTLP and HTTP: an extra, loaded only when CRASHQ_TRACING=otel. Set up by OTEL_* variables."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
STOP_WITHIN = 3_000  # milliseconds

_wanted: ContextVar[int | None] = ContextVar("wanted_trace", default=None)  # of the next trace that begins
_request: ContextVar[str | None] = ContextVar("traced_request", default=None)  # whose trace the current span is in

_propagator = TraceContextTextMapPropagator()


def trace_of(request_id: str) -> int:
    """The trace of a request: its id where that is one, else made from it, so that every process comes to the same.

    A job's row and a log's row keep their request, so what is done for them, whenever and wherever, is in its trace.
    """
    text = request_id if TRACE_ID.fullmatch(request_id) else hashlib.sha256(request_id.encode()).hexdigest()[:32]
    return int(text, 16)


class _Ids(RandomIdGenerator):
    """Random ids, except for a trace that is wanted."""

    def generate_trace_id(self) -> int:
        return _wanted.get() or super().generate_trace_id()


class OpenTelemetry:
    """See `app.telemetry.tracing.Tracing`."""

    is_on = True

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("crashq")

    def name_request(self, traceparent: str | None, /) -> str | None:
        """The id of the client's trace, or of one that is about to begin."""
        context = _parent(traceparent)
        found = trace.get_current_span(context).get_span_context()
        return f"{found.trace_id if found.is_valid else RandomIdGenerator().generate_trace_id():032x}"

    @contextmanager
    def serving(
        self, method: str, route: str, request_id: str, traceparent: str | None, /
    ) -> Iterator[Callable[[int], None]]:
        """A span of the server's side."""
        attributes: dict[str, str | int] = {"http.request.method": method, "http.route": route}
        with self._span(f"{method} {route}", SpanKind.SERVER, request_id, _parent(traceparent), attributes) as span:

            def tell(status: int) -> None:
                span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))

            yield tell

    def carried(self) -> str | None:
        """The current span as W3C writes it."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get("traceparent")

    @contextmanager
    def task(self, task: str, request_id: str | None, traceparent: str | None, /) -> Iterator[None]:
        """A span of the consumer's side, below that of the sender."""
        with self._span(task, SpanKind.CONSUMER, request_id, _parent(traceparent), {}):
            yield

    @contextmanager
    def working(self, what: str, request_id: str | None, /, **ids: str | int) -> Iterator[None]:
        """Below the current span where that is of the same request, else by itself in the request's trace."""
        is_same = request_id is None or request_id == _request.get()
        context = trace.set_span_in_context(trace.get_current_span()) if is_same else Context()
        attributes = {f"crashq.{name}": value for name, value in ids.items()}
        with self._span(what, SpanKind.INTERNAL, request_id, context, attributes):
            yield

    def stop(self) -> None:
        """Send what has not been sent, within a few seconds."""
        self._provider.force_flush(STOP_WITHIN)
        self._provider.shutdown()

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, request_id: str | None, context: Context, attributes: dict[str, str | int]
    ) -> Iterator[Span]:
        if request_id:
            attributes["crashq.request"] = request_id
        wanted = _wanted.set(trace_of(request_id) if request_id else None)
        whose = _request.set(request_id)
        try:
            with self._tracer.start_as_current_span(
                name, context, kind, attributes, record_exception=False, set_status_on_exception=False
            ) as span:
                yield span
        finally:
            _request.reset(whose)
            _wanted.reset(wanted)


def _parent(traceparent: str | None) -> Context:
    return _propagator.extract({"traceparent": traceparent} if traceparent else {}, Context())


def start(part: str) -> OpenTelemetry:
    """Send traces of this process, a part of the service, to where OTEL_EXPORTER_OTLP_ENDPOINT says."""
    own = Resource({"service.name": "crashq", "crashq.part": part})
    provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()), id_generator=_Ids())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OpenTelemetry(provider)
