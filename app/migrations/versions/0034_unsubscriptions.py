"""Addresses that have unsubscribed from an app's notifications, which outlive their channels."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release.

    Who unsubscribes by that release has a channel that is off, but another can be made for the address.
    """
    op.create_table(
        "unsubscriptions",
        sa.Column("channel", sa.String(length=24), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_unsubscriptions_app_id_apps"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("channel", "address_hash", name=op.f("pk_unsubscriptions")),
    )
    op.create_index(op.f("ix_unsubscriptions_app_id"), "unsubscriptions", ["app_id"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("unsubscriptions")
