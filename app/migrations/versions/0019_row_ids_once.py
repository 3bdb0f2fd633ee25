"""row ids once: SQLite gives the row id of an occurrence that was removed to no other."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

KEY = "CONSTRAINT pk_occurrences PRIMARY KEY"
GIVEN = """
    INSERT INTO sqlite_sequence (name, seq) SELECT 'occurrences', coalesce(max(id), 0) FROM (
    SELECT max(id) AS id FROM occurrences UNION ALL SELECT max(upto_row) FROM data_exporter_runs
    UNION ALL SELECT max(last_row) FROM job_plans)
"""
"""The newest row id that was given: an exporter's run or a batch may have ended with one that has been removed since."""


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    if op.get_bind().dialect.name != "sqlite":  # PostgreSQL's sequences never go back
        return
    _rebuild(f"id INTEGER NOT NULL {KEY} AUTOINCREMENT", "")
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'occurrences'")
    op.execute(GIVEN)


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild("id INTEGER NOT NULL", f"{KEY} (id), ")


def _rebuild(column: str, key: str) -> None:
    """Copy the table into one whose id is declared so: SQLite changes no primary key. Nothing refers to the table."""
    connection = op.get_bind()
    of_table = "SELECT sql FROM sqlite_master WHERE tbl_name = 'occurrences' AND sql IS NOT NULL AND type = :type"
    made = connection.execute(sa.text(of_table), {"type": "table"}).scalar_one()
    indexes = connection.execute(sa.text(of_table), {"type": "index"}).scalars().all()
    made = re.sub(rf"{KEY} \(id\),\s*", "", made)
    made = re.sub(rf"id INTEGER NOT NULL( {KEY} AUTOINCREMENT)?", column, made, count=1)
    made = made.replace("CONSTRAINT fk_", f"{key}CONSTRAINT fk_", 1)
    op.execute(re.sub(r'CREATE TABLE "?occurrences"?', "CREATE TABLE occurrences_anew", made, count=1))
    op.execute("INSERT INTO occurrences_anew SELECT * FROM occurrences")
    op.execute("DROP TABLE occurrences")
    op.execute("ALTER TABLE occurrences_anew RENAME TO occurrences")
    for index in indexes:
        op.execute(index)
