"""What the planner makes of the hot statements on a database with some thousand jobs (PostgreSQL)."""

import pytest

from app.db.hot import SqlText
from tests.explain import VALUES, plan_of, seeded, statements

LARGE = {"jobs", "logs", "occurrences", "job_askers"}  # tables that are never read whole


@pytest.fixture
def lane(bare_postgres_database):
    with seeded(bare_postgres_database) as database, database.quick() as lane:
        yield lane


def scanned_whole(plan: dict) -> set[str]:
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return own.union(*(scanned_whole(inner) for inner in plan.get("Plans", [])))


def test_no_hot_statement_reads_a_large_table_whole(lane):
    whole = {}
    for name in statements():
        [[[explained]]] = plan_of(lane, SqlText(name, tuple), VALUES[name], "FORMAT JSON")
        whole[name] = scanned_whole(explained["Plan"]) & LARGE

    assert whole == {name: set() for name in VALUES}


def test_a_statement_that_reads_a_table_whole_is_noticed(lane, tmp_path, monkeypatch):
    (tmp_path / "all.sql").write_text("SELECT * FROM jobs WHERE params = :params")
    monkeypatch.setattr("app.db.hot.FOLDER", tmp_path)

    [[[explained]]] = plan_of(lane, SqlText("all", tuple), {"params": "{}"}, "FORMAT JSON")

    assert scanned_whole(explained["Plan"]) == {"jobs"}
