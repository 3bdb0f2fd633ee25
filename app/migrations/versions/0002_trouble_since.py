"""trouble since: a job's patience counts from its first trouble, no longer from its first request."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("jobs", sa.Column("trouble_since", app.db.UtcTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_column("jobs", "trouble_since")
