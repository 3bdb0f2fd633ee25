"""Exporters of OpenTelemetry, told our address and key, send their program's log, in which an error is an occurrence."""

import sys
from pathlib import Path

import pytest

from tests.senders.conftest import PROGRAMS, Receiver, crashed


def test_an_error_logged_in_python_becomes_an_occurrence(receiver: Receiver):
    app, told = receiver.new_address("OTLP Python")
    environment = {
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{told['ADDRESS']}/v1/logs",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": f"Authorization=Bearer%20{told['KEY']}",
    }

    program = crashed([sys.executable, str(PROGRAMS / "otlp_notes.py")], **environment)
    report = receiver.report_of(app)

    assert (program.returncode, program.stdout.strip(), "Failed" in program.stderr) == (0, "True", False)
    assert report["app"]["version"] == "1.2"
    assert (report["exceptions"][0]["type"], report["exceptions"][0]["handled"]) == ("IndexError", True)
    assert report["exceptions"][0]["frames"][0]["function"] == "open_notebook"


@pytest.mark.parametrize("protocol", ["proto", "http"])
def test_an_error_logged_in_node_becomes_an_occurrence(receiver: Receiver, modules: Path, protocol: str):
    app, told = receiver.new_address(f"OTLP Node, {protocol}")

    program = crashed(["node", str(PROGRAMS / "otlp_notes.cjs"), protocol], **told, NODE_PATH=str(modules))
    report = receiver.report_of(app)

    assert (program.returncode, program.stderr) == (0, "")
    assert report["exceptions"][0]["type"] == "TypeError"
    assert report["exceptions"][0]["frames"][0]["function"] == "openNotebook"
