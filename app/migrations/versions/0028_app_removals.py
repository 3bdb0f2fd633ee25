"""Apps that are being removed: when they went, and the work of removing what belonged to them."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

LIVE = sa.text("finished_at IS NULL")


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("apps", sa.Column("removed_at", app.db.UtcTime(timezone=True), nullable=True))
    op.create_table(
        "app_removals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("finished_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("trouble_since", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("lease_expires_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("not_before", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("ring_after", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("rings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_removals")),
        sa.UniqueConstraint("app_id", name=op.f("uq_app_removals_app_id")),
    )
    op.create_index("ix_app_removals_due", "app_removals", ["ring_after"], postgresql_where=LIVE, sqlite_where=LIVE)


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("app_removals")
    op.drop_column("apps", "removed_at")
