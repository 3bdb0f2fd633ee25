"""When an occurrence was seen, where its own time is that of a wrong clock."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

WRONG_CLOCK = sa.text("seen_at IS NOT NULL")


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release.

    No row is changed: `crashq doctor --mend` looks for those that the previous release has counted at wrong times. The index
    is of no row as yet.
    """
    op.add_column("occurrences", sa.Column("seen_at", app.db.UtcTime(timezone=True), nullable=True))
    op.create_index(
        "ix_occurrences_seen_at",
        "occurrences",
        ["crash_id", "seen_at"],
        postgresql_where=WRONG_CLOCK,
        sqlite_where=WRONG_CLOCK,
    )


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_index("ix_occurrences_seen_at", "occurrences")
    op.drop_column("occurrences", "seen_at")
