"""leased work: the same columns on every table of work, turns of digests, and logs that take long to read."""

from typing import Any

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TIME = app.db.UtcTime(timezone=True)
LONG_AGO = "1970-01-01 00:00:00+00:00"  # due at once, where the previous release inserts a row
NEW = {
    "logs": ("trouble_since", "holder"),
    "symbols": ("trouble_since", "holder", "not_before"),
    "erasures": ("trouble_since", "holder"),
    "regroupings": ("strikes", "trouble_since", "holder", "not_before", "rings"),
    "data_exporter_runs": ("trouble_since", "holder", "ring_after", "rings"),
    "webhooks": ("attempt", "strikes", "trouble_since", "holder", "not_before", "ring_after", "rings"),
    "job_parts": ("ring_after", "rings"),
}
"""Table -> columns that it lacks."""


def column(name: str) -> sa.Column[Any]:
    """A new column, which the previous release does not name when it inserts a row."""
    if name in ("attempt", "strikes", "rings"):
        return sa.Column(name, sa.Integer(), nullable=False, server_default="0")
    if name == "ring_after":
        return sa.Column(name, TIME, nullable=False, server_default=LONG_AGO)
    return sa.Column(name, sa.String(128) if name == "holder" else TIME, nullable=True)


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    for table, names in NEW.items():
        for name in names:
            op.add_column(table, column(name))
    op.add_column("logs", sa.Column("slow", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("turns", sa.Column("digested_at", TIME, nullable=True))
    for name, columns, where in (
        ("ix_logs_turns", ["app_id", "id"], "status = 'received'"),
        ("ix_logs_slow", ["id"], "status = 'received' AND slow"),
    ):
        op.create_index(name, "logs", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    for name in ("ix_logs_slow", "ix_logs_turns"):
        op.drop_index(name, "logs")
    op.drop_column("turns", "digested_at")
    op.drop_column("logs", "slow")
    for table, names in NEW.items():
        for name in reversed(names):
            op.drop_column(table, name)
