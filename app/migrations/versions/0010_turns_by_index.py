"""turns by index: live jobs by queue, state and tenant, oldest first, so that the next in turn is found without sorting."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None

LIVE = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    # Made before the narrow one goes: the previous release can look by either.
    op.create_index(
        "ix_jobs_turns",
        "jobs",
        ["queue", "state", "app_id", "created_at", "id"],
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.drop_index("ix_jobs_live_queue_state", table_name="jobs", postgresql_where=LIVE, sqlite_where=LIVE)


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.create_index("ix_jobs_live_queue_state", "jobs", ["queue", "state"], postgresql_where=LIVE, sqlite_where=LIVE)
    op.drop_index("ix_jobs_turns", table_name="jobs", postgresql_where=LIVE, sqlite_where=LIVE)
