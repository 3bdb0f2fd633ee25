"""keys and lists: personal keys beside logins, several ingest keys of an app, and indexes for lists by state."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

REJECTED = sa.text("status = 'rejected'")
CANCELLED = sa.text("state = 'cancelled'")


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("tokens", sa.Column("identifier", sa.String(length=24), nullable=True))
    op.add_column("tokens", sa.Column("name", sa.String(length=100), nullable=True))
    op.add_column("tokens", sa.Column("last_used_at", app.db.UtcTime(timezone=True), nullable=True))
    op.create_index("uq_tokens_identifier", "tokens", ["identifier"], unique=True)
    op.create_table(
        "ingest_keys",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_ingest_keys_app_id_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_ingest_keys")),
        sa.UniqueConstraint("identifier", name=op.f("uq_ingest_keys_identifier")),
    )
    op.create_index("ix_ingest_keys_app_id", "ingest_keys", ["app_id"])
    op.create_index(
        "ix_logs_rejected", "logs", ["app_id", "received_at"], postgresql_where=REJECTED, sqlite_where=REJECTED
    )
    op.create_index("ix_jobs_cancelled", "jobs", ["id"], postgresql_where=CANCELLED, sqlite_where=CANCELLED)


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_index("ix_jobs_cancelled", "jobs")
    op.drop_index("ix_logs_rejected", "logs")
    op.drop_table("ingest_keys")
    op.drop_index("uq_tokens_identifier", "tokens")
    for name in ("last_used_at", "name", "identifier"):
        op.drop_column("tokens", name)
