"""late and large symbols: logs that wait for symbols, uploads in chunks, and files that hold several kinds of them."""

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
    op.create_table(
        "symbol_uploads",
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("build", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("touched_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_symbol_uploads_app_id_apps"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("identifier", name=op.f("pk_symbol_uploads")),
        sa.UniqueConstraint(
            "app_id", "sha256", "version", "build", name=op.f("uq_symbol_uploads_app_id_sha256_version_build")
        ),
    )
    op.create_index("ix_symbol_uploads_touched_at", "symbol_uploads", ["touched_at"])
    op.create_table(
        "symbol_parts",
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("begins", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("identifier", "begins", name=op.f("pk_symbol_parts")),
    )
    op.add_column("symbol_images", sa.Column("kind", sa.String(length=16), nullable=False, server_default="native"))
    op.add_column("symbol_images", sa.Column("name", sa.String(length=200), nullable=True))
    op.execute(
        "UPDATE symbol_images SET kind = 'mapping' WHERE symbol_id IN (SELECT id FROM symbols WHERE kind = 'proguard')"
    )


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    for name in ("name", "kind"):
        op.drop_column("symbol_images", name)
    op.drop_table("symbol_parts")
    op.drop_table("symbol_uploads")
    op.drop_table("awaited_symbols")
    op.drop_column("regroupings", "symbol_logs")
    op.drop_column("symbols", "ready_at")
