"""Channels of notifications, and what tells their deliveries apart: a day or an hour, and whether quiet hours held them.

The previous release writes no such rows, and its deliveries have an empty period.
"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

PERIODIC = sa.text("spike_times IS NOT NULL OR users_over IS NOT NULL OR summary_daily OR summary_weekly")
OLD_KEY, NEW_KEY = ["webhook_id", "event", "subject"], ["webhook_id", "event", "subject", "period"]


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    with op.batch_alter_table("webhook_deliveries") as deliveries:
        deliveries.add_column(sa.Column("period", sa.String(length=16), nullable=False, server_default=""))
        deliveries.add_column(sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
        deliveries.drop_constraint(op.f("uq_webhook_deliveries_webhook_id_event_subject"), type_="unique")
        deliveries.create_unique_constraint(op.f("uq_webhook_deliveries_webhook_id_event_subject_period"), NEW_KEY)
    op.create_table(
        "notification_channels",
        sa.Column(
            "webhook_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("spike_times", sa.Double(), nullable=True),
        sa.Column("spike_at_least", sa.Integer(), nullable=True),
        sa.Column("users_over", sa.Integer(), nullable=True),
        sa.Column("rules_since", sa.Date(), nullable=False),
        sa.Column("summary_daily", sa.Boolean(), nullable=False),
        sa.Column("summary_weekly", sa.Boolean(), nullable=False),
        sa.Column("summary_hour", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_until", sa.Integer(), nullable=True),
        sa.Column("unsubscribed_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("trouble_since", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("lease_expires_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("not_before", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("ring_after", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("rings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_notification_channels_webhook_id_webhooks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_notification_channels")),
    )
    op.create_index(
        "ix_notification_channels_due",
        "notification_channels",
        ["ring_after"],
        postgresql_where=PERIODIC,
        sqlite_where=PERIODIC,
    )


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("notification_channels")
    op.execute("DELETE FROM webhook_deliveries WHERE period <> ''")
    with op.batch_alter_table("webhook_deliveries") as deliveries:
        deliveries.drop_constraint(op.f("uq_webhook_deliveries_webhook_id_event_subject_period"), type_="unique")
        deliveries.create_unique_constraint(op.f("uq_webhook_deliveries_webhook_id_event_subject"), OLD_KEY)
        deliveries.drop_column("held")
        deliveries.drop_column("period")
