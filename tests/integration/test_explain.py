"""What the planner makes of the hot statements on a database with some thousand jobs (PostgreSQL)."""

import pytest

from app.db.hot import SqlText
from tests.explain import VALUES, plan_of, seeded, statements

LARGE = {
    "jobs",
    "logs",
    "occurrences",
    "job_askers",
    "crashes",
    "grouping_decisions",
}  # tables that are never read whole


@pytest.fixture
def driver(bare_postgres_database):
    with seeded(bare_postgres_database) as database, database.driver() as driver:
        yield driver


def scanned_whole(plan: dict) -> set[str]:
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return own.union(*(scanned_whole(inner) for inner in plan.get("Plans", [])))


def test_no_hot_statement_reads_a_large_table_whole(driver):
    whole = {}
    for name in statements():
        [[[explained]]] = plan_of(driver, SqlText(name, tuple), VALUES[name], "FORMAT JSON")
        whole[name] = scanned_whole(explained["Plan"]) & LARGE

    assert whole == {name: set() for name in VALUES}


def rows_read(plan: dict, table: str) -> int:
    """Rows of a table that were returned or thrown away."""
    own = 0
    if plan.get("Relation Name") == table and "Scan" in plan["Node Type"]:
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return own + sum(rows_read(inner, table) for inner in plan.get("Plans", []))


@pytest.mark.parametrize(("name", "table"), [("end_digests", "logs"), ("merged_groups", "grouping_decisions")])
def test_the_end_of_a_digest_reads_its_own_rows_however_many_others_there_are(driver, name, table):
    [[[explained]]] = plan_of(driver, SqlText(name, tuple), VALUES[name], "ANALYZE, FORMAT JSON")

    assert rows_read(explained["Plan"], table) == 1


def test_a_statement_that_reads_a_table_whole_is_noticed(driver, tmp_path, monkeypatch):
    (tmp_path / "all.sql").write_text("SELECT * FROM jobs WHERE params = :params")
    monkeypatch.setattr("app.db.hot.FOLDER", tmp_path)

    [[[explained]]] = plan_of(driver, SqlText("all", tuple), {"params": "{}"}, "FORMAT JSON")

    assert scanned_whole(explained["Plan"]) == {"jobs"}
