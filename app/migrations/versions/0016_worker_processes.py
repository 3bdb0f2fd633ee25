"""worker processes: which of them are alive."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.create_table(
        "worker_processes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("seen_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_processes")),
    )


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("worker_processes")
