"""symbols: uploaded files of debug information and mappings, and what they name."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0006"
down_revision = "0011"
branch_labels = None
depends_on = None

STATES = sa.Enum("received", "ready", "rejected", name="symbolstate", native_enum=False, length=16)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state = 'received'")


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.create_table(
        "symbols",
        sa.Column("id", BIG, nullable=False),
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("build", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column("state", STATES, nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("received_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("storage_key", sa.String(length=255), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("lease_expires_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("ring_after", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("rings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_symbols_app_id_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_symbols")),
        sa.UniqueConstraint("identifier", name=op.f("uq_symbols_identifier")),
        sa.UniqueConstraint(
            "app_id", "sha256", "version", "build", name=op.f("uq_symbols_app_id_sha256_version_build")
        ),
    )
    op.create_index("ix_symbols_waiting", "symbols", ["ring_after"], postgresql_where=WAITING, sqlite_where=WAITING)
    op.create_table(
        "symbol_images",
        sa.Column("id", BIG, nullable=False),
        sa.Column("symbol_id", BIG, nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("debug_id", sa.String(length=64), nullable=False),
        sa.Column("arch", sa.String(length=32), nullable=True),
        sa.Column("cache_key", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_symbol_images_app_id_apps"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["symbol_id"], ["symbols.id"], name=op.f("fk_symbol_images_symbol_id_symbols"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_symbol_images")),
    )
    op.create_index("ix_symbol_images_symbol_id", "symbol_images", ["symbol_id"])
    op.create_index("ix_symbol_images_app_id_debug_id", "symbol_images", ["app_id", "debug_id"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("symbol_images")
    op.drop_table("symbols")
