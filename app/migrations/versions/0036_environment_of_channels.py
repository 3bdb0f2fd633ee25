"""The environment that the rules of a channel are about.

The previous release makes channels of all environments, and evaluates only rules of its own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

OLD = "spike_times IS NOT NULL OR users_over IS NOT NULL OR summary_daily OR summary_weekly"


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("notification_channels", sa.Column("environment", sa.String(length=128), nullable=True))
    op.add_column(
        "notification_channels",
        sa.Column("new_in_environment", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    _index_due(f"{OLD} OR new_in_environment")


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    _index_due(OLD)
    op.drop_column("notification_channels", "new_in_environment")
    op.drop_column("notification_channels", "environment")


def _index_due(of_these: str) -> None:
    """There are few channels, so that the index is made anew at once."""
    name, table = "ix_notification_channels_due", "notification_channels"
    op.drop_index(name, table)
    where = sa.text(of_these)
    op.create_index(name, table, ["ring_after"], postgresql_where=where, sqlite_where=where)
