"""privacy and retention: settings of apps, erasures, objects to delete, and what makes reports out of date."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0009"
down_revision = "0005"
branch_labels = None
depends_on = None

LIVE = sa.text("state = 'live'")
STATES = sa.Enum("live", "finished", name="erasurestate", native_enum=False, length=16)


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("apps", sa.Column("reports_revision", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("job_plans", sa.Column("reports_revision", sa.BigInteger(), nullable=True))
    op.add_column("logs", sa.Column("removed_at", app.db.UtcTime(timezone=True), nullable=True))
    op.create_index("ix_logs_app_id_received_at", "logs", ["app_id", "received_at"])
    op.create_table(
        "app_settings",
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("updated_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_settings_app_id_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_app_settings")),
    )
    _create_erasures()
    op.create_table(
        "erased_crashes",
        sa.Column("erasure_id", sa.String(length=24), nullable=False),
        sa.Column("crash_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasures.id"], name=op.f("fk_erased_crashes_erasure_id_erasures"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("erasure_id", "crash_id", name=op.f("pk_erased_crashes")),
    )
    op.create_table(
        "doomed_objects",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("erasure_id", sa.String(length=24), nullable=True),
        sa.Column("doomed_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasures.id"], name=op.f("fk_doomed_objects_erasure_id_erasures")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_doomed_objects")),
    )
    op.create_index("ix_doomed_objects_erasure_id", "doomed_objects", ["erasure_id"])


def _create_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("user_hash", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("scan", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("state", STATES, nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False)
          for name in ("last_log", "done", "total", "logs", "occurrences", "jobs")),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("finished_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("not_before", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("lease_expires_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("ring_after", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("rings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_erasures_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )  # fmt: skip
    op.create_index(
        "uq_erasures_live", "erasures", ["app_id", "user_hash"], unique=True, postgresql_where=LIVE, sqlite_where=LIVE
    )
    op.create_index("ix_erasures_app_id_created_at", "erasures", ["app_id", "created_at"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    for table in ("doomed_objects", "erased_crashes", "erasures", "app_settings"):
        op.drop_table(table)
    op.drop_index("ix_logs_app_id_received_at", "logs")
    for table, name in (("logs", "removed_at"), ("job_plans", "reports_revision"), ("apps", "reports_revision")):
        op.drop_column(table, name)
