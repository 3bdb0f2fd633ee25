"""Roles of members. Those that are there, and those that the previous release adds, may do everything: they are owners."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("memberships", sa.Column("role", sa.String(length=8), nullable=False, server_default="owner"))


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_column("memberships", "role")
