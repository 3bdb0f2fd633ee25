"""The audit log: who changed which settings, members and keys."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release.

    What is changed by that release has no entry.
    """
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=True),
        sa.Column("happened_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("by_operator", sa.Boolean(), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_audit_entries_app_id_apps"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_audit_entries_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_entries_app_id_id", "audit_entries", ["app_id", "id"])
    op.create_index(op.f("ix_audit_entries_happened_at"), "audit_entries", ["happened_at"])
    op.create_index(op.f("ix_audit_entries_user_id"), "audit_entries", ["user_id"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("audit_entries")
