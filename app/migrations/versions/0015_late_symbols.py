"""late symbols: which digested logs wait for which symbols, when files became ready, and logs read again for them."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0015"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("symbols", sa.Column("ready_at", app.db.UtcTime(timezone=True), nullable=True))
    op.add_column("regroupings", sa.Column("symbol_logs", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "awaited_symbols",
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("awaited", sa.String(length=64), nullable=False),
        sa.Column("log_row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_awaited_symbols_app_id_apps"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["log_row"], ["logs.id"], name=op.f("fk_awaited_symbols_log_row_logs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("app_id", "awaited", "log_row", name=op.f("pk_awaited_symbols")),
    )
    op.create_index("ix_awaited_symbols_log_row", "awaited_symbols", ["log_row"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("awaited_symbols")
    op.drop_column("regroupings", "symbol_logs")
    op.drop_column("symbols", "ready_at")
