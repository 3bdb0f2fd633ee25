"""Webhooks may receive regressions, and a delivery keeps the body that its first attempt made.

Webhooks that are there receive no regressions. The previous release writes no such deliveries and keeps no bodies: what it
has tried before gets its body at the next attempt.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("webhooks", sa.Column("on_crash_regressed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("webhook_deliveries", sa.Column("body", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_column("webhook_deliveries", "body")
    op.drop_column("webhooks", "on_crash_regressed")
