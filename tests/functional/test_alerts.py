"""Alert rules, dashboard and operations.md speak of metrics that exist, and of each other's alerts."""

import json
import re
from pathlib import Path

import pytest
import yaml

from app.telemetry import metrics
from app.telemetry.multiprocess_metrics import Declared
from tests.exposition import names

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/crashq.rules.yml").read_text())["groups"][0]["rules"]
PANELS = json.loads((ROOT / "deploy/grafana/crashq.json").read_text())["panels"]
OPERATIONS = (ROOT / "docs/operations.md").read_text()
OWN = re.compile(r"\bcrashq_[a-z_]+")
LABELS = re.compile(r"(crashq_[a-z_]+)\{([^}]*)\}")


@pytest.fixture
def exported(client) -> set[str]:
    """The names of all samples that /metrics can show."""
    return names(client.get("/metrics").text)


def expressions() -> list[str]:
    return [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]


def test_every_metric_that_is_declared_is_shown(exported):
    assert len(Declared.all) >= 20
    assert {one.name for one in Declared.all} <= {re.sub("_(bucket|sum|count)$", "", name) for name in exported}


def test_every_metric_in_rules_and_dashboard_is_shown(exported):
    asked = {name for expression in expressions() for name in OWN.findall(expression)}

    assert len(asked) > 20
    assert asked - exported == set()


def test_every_label_in_rules_and_dashboard_is_one_of_its_metric():
    labels = {one.name: set(one.labels) for one in Declared.all}
    own = {
        "crashq_queue_oldest_seconds": {"queue"},
        "crashq_queue_waiting": {"queue"},
        "crashq_oldest_waiting_seconds": {"type"},
        "crashq_jobs": {"kind", "state"},
    }

    for expression in expressions():
        for name, conditions in LABELS.findall(expression):
            asked = set(re.findall(r"(\w+)\s*[=!]", conditions))
            base = re.sub("_(bucket|sum|count)$", "", name)
            assert asked <= (labels | own)[base], expression


def test_words_that_rules_ask_for_are_words_that_are_counted():
    told = {
        "crashq_task_failures_total": metrics.task_failures, "crashq_digests_total": metrics.digests,
        "crashq_webhook_deliveries_total": metrics.webhook_deliveries, "crashq_export_runs_total": metrics.export_runs,
        "crashq_rings_total": metrics.task_messages,
    }  # fmt: skip
    for rule in RULES:
        for name, conditions in LABELS.findall(rule["expr"]):
            for word in re.findall(r'outcome=~?"([^"]+)"', conditions):
                assert all(re.search(rf"\b{one}\b", told[name].what) for one in word.split("|")), rule["alert"]


def test_operations_md_has_an_entry_for_each_alert_and_no_other():
    alerts = [rule["alert"] for rule in RULES]
    entries = re.findall(r"^### (Crashq\w+)$", OPERATIONS, re.MULTILINE)

    assert entries == alerts
    assert [rule["annotations"]["runbook"] for rule in RULES] == [
        f"docs/operations.md#{name.lower()}" for name in alerts
    ]


def test_operations_md_tells_of_every_metric(exported):
    told = set(OWN.findall(OPERATIONS))

    assert {re.sub("_(bucket|sum|count)$", "", name) for name in exported} - told == set()


def test_no_panel_lies_on_another():
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]

    assert len(places) == len(set(places))
    assert all(panel["gridPos"]["w"] == panel["gridPos"]["h"] == 8 for panel in PANELS)
