"""What build tools send: chunks of files, ids given to files of symbols, upload keys, declared releases."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release.

    Indexes are on tables with a row for each uploaded file or chunk of one: they are small.
    """
    op.create_table(
        "declared_releases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=250), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=True),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("released_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("deploys", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_declared_releases_app_id_apps"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declared_releases")),
        sa.UniqueConstraint("app_id", "version", name=op.f("uq_declared_releases_app_id_version")),
    )
    op.create_table(
        "symbol_chunks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("sha1", sa.String(length=40), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.String(length=255), nullable=False),
        sa.Column("touched_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_symbol_chunks_app_id_apps"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_symbol_chunks_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_symbol_chunks")),
        sa.UniqueConstraint("app_id", "sha1", name=op.f("uq_symbol_chunks_app_id_sha1")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_symbol_chunks_storage_key")),
        sa.UniqueConstraint("user_id", "sha1", name=op.f("uq_symbol_chunks_user_id_sha1")),
    )
    op.create_index("ix_symbol_chunks_touched_at", "symbol_chunks", ["touched_at"])

    op.create_table(
        "upload_keys",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_upload_keys_app_id_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_upload_keys")),
        sa.UniqueConstraint("identifier", name=op.f("uq_upload_keys_identifier")),
    )
    op.create_index("ix_upload_keys_app_id", "upload_keys", ["app_id"])

    op.create_table(
        "symbol_ids",
        sa.Column("symbol_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("debug_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["symbol_id"], ["symbols.id"], name=op.f("fk_symbol_ids_symbol_id_symbols"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("symbol_id", "debug_id", name=op.f("pk_symbol_ids")),
    )
    op.create_index("ix_symbol_parts_storage_key", "symbol_parts", ["storage_key"])

    op.add_column("symbols", sa.Column("checksum", sa.String(length=40), nullable=True))
    op.create_index("ix_symbols_app_id_checksum", "symbols", ["app_id", "checksum"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_index("ix_symbols_app_id_checksum", "symbols")
    op.drop_column("symbols", "checksum")

    op.drop_index("ix_symbol_parts_storage_key", "symbol_parts")

    op.drop_table("symbol_ids")
    op.drop_index("ix_upload_keys_app_id", "upload_keys")

    op.drop_table("upload_keys")
    op.drop_index("ix_symbol_chunks_touched_at", "symbol_chunks")

    op.drop_table("symbol_chunks")
    op.drop_table("declared_releases")
