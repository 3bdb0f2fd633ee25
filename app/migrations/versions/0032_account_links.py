"""Links by which people join an app or choose a password, and users who may log in no more."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release.

    That release lets disabled users log in with their password; their logins and keys end all the same.
    """
    op.add_column("users", sa.Column("disabled_at", app.db.UtcTime(timezone=True), nullable=True))
    op.create_table(
        "account_links",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("app_id", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(length=8), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("expires_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_account_links_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_account_links_app_id_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_account_links")),
        sa.UniqueConstraint("identifier", name=op.f("uq_account_links_identifier")),
    )
    op.create_index("ix_account_links_user_id", "account_links", ["user_id"])
    op.create_index("ix_account_links_app_id", "account_links", ["app_id"])
    op.create_index("ix_account_links_expires_at", "account_links", ["expires_at"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("account_links")
    op.drop_column("users", "disabled_at")
