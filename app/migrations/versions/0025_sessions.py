"""Sessions of apps: what arrives, what is remembered of single ones, and figures per day, version and environment.

The previous release drops sessions; it writes none of these tables.
"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.create_table(
        "known_sessions",
        sa.Column("app_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sid", sa.LargeBinary(length=16), nullable=False),
        sa.Column("flags", sa.SmallInteger(), nullable=False),
        sa.Column("changed_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_known_sessions_app_id_apps"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("app_id", "sid", name=op.f("pk_known_sessions")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_known_sessions_changed_on", "known_sessions", ["changed_on"])
    op.create_table(
        "session_batches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("arrived_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("updates", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_session_batches_app_id_apps"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_batches")),
    )
    op.create_index("ix_session_batches_app_id_id", "session_batches", ["app_id", "id"])
    op.create_table(
        "session_days",
        sa.Column("app_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.String(length=129), nullable=False),
        sa.Column("environment", sa.String(length=129), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("errored", sa.BigInteger(), nullable=False),
        sa.Column("crashed", sa.BigInteger(), nullable=False),
        sa.Column("abnormal", sa.BigInteger(), nullable=False),
        sa.Column("users", sa.LargeBinary(), nullable=True),
        sa.Column("crashed_users", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_session_days_app_id_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("app_id", "day", "version", "environment", name=op.f("pk_session_days")),
    )
    op.create_table(
        "session_folds",
        sa.Column("app_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("trouble_since", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("lease_expires_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("not_before", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("ring_after", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("rings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_session_folds_app_id_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_session_folds")),
    )
    op.create_index("ix_session_folds_due", "session_folds", ["ring_after"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("session_folds")
    op.drop_table("session_days")
    op.drop_table("session_batches")
    op.drop_table("known_sessions")
