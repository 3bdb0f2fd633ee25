"""where runs deliver: bucket and folder of each run's files, so that an erasure finds them wherever the exporter delivers now."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("data_exporter_runs", sa.Column("bucket", sa.String(length=63), nullable=True))
    op.add_column("data_exporter_runs", sa.Column("folder", sa.String(length=512), nullable=True))


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    for name in ("folder", "bucket"):
        op.drop_column("data_exporter_runs", name)
