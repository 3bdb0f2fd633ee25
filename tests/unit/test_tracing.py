"""Traces: nothing of OpenTelemetry is loaded while they are off, and one trace follows a request's id everywhere."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.errors import ConfigError
from app.telemetry import tracing
from app.telemetry.otel import OpenTelemetry, _Ids, trace_of

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def sent() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traces(sent) -> OpenTelemetry:
    provider = TracerProvider(id_generator=_Ids())
    provider.add_span_processor(SimpleSpanProcessor(sent))
    return OpenTelemetry(provider)


def told(sent: InMemorySpanExporter) -> dict[str, tuple[str, str | None]]:
    """Name of a span -> (trace, parent)."""
    return {
        span.name: (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}" if span.parent else None)
        for span in sent.get_finished_spans()
    }


def test_while_it_is_off_nothing_of_it_is_loaded():
    look = (
        "import sys, app.web.application, app.cli, app.telemetry.tracing\napp.telemetry.tracing.start('', 'web')\n"
        "print([name for name in sys.modules if name.startswith(('app.telemetry.otel', 'opentelemetry.sdk.trace',"
        " 'opentelemetry.exporter'))])"  # its API redis-py loads by itself, where it is
    )

    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_without_its_packages_the_extra_is_named():
    look = (
        "import sys; sys.modules['opentelemetry'] = None\nfrom app import tracing, errors\n"
        "try:\n    tracing.start('otel', 'web')\nexcept errors.ConfigError as error:\n    print(error.message)"
    )

    shown = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout

    assert shown == "CRASHQ_TRACING=otel needs more packages: pip install 'crashq[otel]'\n"


def test_a_way_that_nobody_has_installed_is_named():
    with pytest.raises(ConfigError, match="CRASHQ_TRACING=smoke is not installed"):
        tracing.start("smoke", "web")


def test_the_trace_of_a_request_is_its_id_or_made_from_it():
    assert f"{trace_of(TRACE):032x}" == TRACE
    assert trace_of("mine-1") == trace_of("mine-1") != trace_of("mine-2")
    assert trace_of("0" * 32) != 0


def test_a_request_without_an_id_is_named_after_its_trace(traces):
    assert traces.name_request(TRACEPARENT) == TRACE
    made = traces.name_request(None)
    assert f"{trace_of(made):032x}" == made != traces.name_request("nonsense")


def test_from_the_request_over_the_message_to_the_attempt_is_one_trace_each_below_the_other(traces, sent):
    with traces.serving("GET", "/crashes", "mine-1", TRACEPARENT) as tell:
        carried = traces.carried()
        tell(200)
    with traces.task("run_job", "mine-1", carried), traces.working("attempt", "mine-1", job="5f0c"):
        pass

    found = told(sent)
    assert {trace for trace, _ in found.values()} == {TRACE}
    assert found["GET /crashes"][1] == PARENT
    assert carried.split("-")[2] == found["run_job"][1]
    assert found["attempt"][1] is not None


def test_work_for_another_request_than_that_of_the_message_is_in_its_own_trace(traces, sent):
    with traces.serving("GET", "/crashes", "mine-1", None):
        carried = traces.carried()
    with traces.task("run_job", "mine-1", carried), traces.working("attempt", "mine-2"):
        pass

    found = told(sent)
    assert found["GET /crashes"][0] == found["run_job"][0] == f"{trace_of('mine-1'):032x}"
    assert found["attempt"] == (f"{trace_of('mine-2'):032x}", None)


def test_spans_hold_ids_and_say_when_a_request_failed(traces, sent):
    def break_off() -> None:
        with traces.serving("GET", "/crashes", "mine-1", None) as tell:
            tell(503)
            raise ValueError("private")

    with pytest.raises(ValueError, match="private"):
        break_off()

    [span] = sent.get_finished_spans()
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.route": "/crashes",
        "http.response.status_code": 503,
        "crashq.request": "mine-1",
    }
    assert not span.status.is_ok
    assert not span.events
