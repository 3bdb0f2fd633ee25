"""Saved views: lists of crashes that users have named."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.create_table(
        "saved_views",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_saved_views_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_saved_views_app_id_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("identifier", name=op.f("uq_saved_views_identifier")),
        sa.UniqueConstraint("user_id", "app_id", "name", name=op.f("uq_saved_views_user_id_app_id_name")),
    )
    op.create_index(op.f("ix_saved_views_app_id"), "saved_views", ["app_id"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("saved_views")
