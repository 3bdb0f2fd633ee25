"""one hundred million: indexes that nothing needs, that lists lacked, that counts lacked; when large tables are vacuumed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FAILED = sa.text("state = 'failed'")

VACUUM = {
    # Only ever inserted into. What lists read is the newest, so pages have to be known as all-visible soon; each run reads
    # only the pages that are new since the last one. Its statistics decide whether a filter goes by the index.
    "occurrences": {
        "autovacuum_vacuum_insert_scale_factor": "0.005",
        "autovacuum_vacuum_insert_threshold": "100000",
        "autovacuum_analyze_scale_factor": "0.02",
    },
    # Each log is updated twice and then never again: two dead rows for a live one, which a fifth of the table (the
    # default) would let grow to tens of millions. A run reads the indexes whole, so it must not come too often either.
    "logs": {"autovacuum_vacuum_scale_factor": "0.05", "autovacuum_vacuum_insert_scale_factor": "0.05",
             "autovacuum_analyze_scale_factor": "0.02"},
    # Updated with every digest, in columns that are indexed for sorting.
    "crashes": {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"},
    # Updated several times in a short life; the live ones are few among those remembered for a week.
    "jobs": {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"},
}  # fmt: skip


NEWEST = ["crash_id", "occurred_at", "id"]
SHOWN = ["log_id", "number"]  # what a list tells of an occurrence, beside its time


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.drop_index("ix_occurrences_crash_id_log_id", table_name="occurrences")
    # Made before the narrow one goes, so that the previous release always finds one to list by.
    op.create_index("ix_occurrences_list", "occurrences", [*NEWEST, *SHOWN])
    op.drop_index("ix_occurrences_newest", table_name="occurrences")
    op.create_index("ix_jobs_failed", "jobs", ["kind", "state"], postgresql_where=FAILED, sqlite_where=FAILED)
    if op.get_bind().dialect.name == "postgresql":
        for table, settings in VACUUM.items():
            op.execute(
                f"ALTER TABLE {table} SET ({', '.join(f'{name} = {value}' for name, value in settings.items())})"
            )


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    if op.get_bind().dialect.name == "postgresql":
        for table, settings in VACUUM.items():
            op.execute(f"ALTER TABLE {table} RESET ({', '.join(settings)})")
    op.drop_index("ix_jobs_failed", table_name="jobs", postgresql_where=FAILED, sqlite_where=FAILED)
    op.create_index("ix_occurrences_newest", "occurrences", NEWEST)
    op.drop_index("ix_occurrences_list", table_name="occurrences")
    op.create_index("ix_occurrences_crash_id_log_id", "occurrences", ["crash_id", "log_id"])
