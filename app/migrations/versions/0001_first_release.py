"""first release."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LIVE = sa.text("state IN ('queued', 'running')")
WAITING = sa.text("status = 'received'")
STATUSES = sa.Enum("received", "digested", "rejected", name="logstatus", native_enum=False, length=16)
STATES = sa.Enum(
    "queued", "running", "finished", "failed", "cancelled", "expired", name="jobstate", native_enum=False, length=16
)


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.create_table(
        "apps",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("ingest_key_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apps")),
        sa.UniqueConstraint("identifier", name=op.f("uq_apps_identifier")),
        sa.UniqueConstraint("ingest_key_hash", name=op.f("uq_apps_ingest_key_hash")),
    )
    op.create_table(
        "pulses",
        sa.Column("part", sa.String(length=32), nullable=False),
        sa.Column("seen_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_pulses")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "crashes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("fingerprint_version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("first_seen", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("last_seen", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("occurrences_count", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_crashes_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crashes")),
        sa.UniqueConstraint("identifier", name=op.f("uq_crashes_identifier")),
    )
    with op.batch_alter_table("crashes", schema=None) as batch_op:
        batch_op.create_index("ix_crashes_app_id_first_seen", ["app_id", "first_seen"], unique=False)
        batch_op.create_index("ix_crashes_app_id_last_seen", ["app_id", "last_seen"], unique=False)
        batch_op.create_index("ix_crashes_app_id_occurrences_count", ["app_id", "occurrences_count"], unique=False)

    op.create_table(
        "logs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("log_id", sa.String(length=128), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.String(length=255), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("received_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column(
            "status",
            sa.Enum("received", "digested", "rejected", name="logstatus", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("format", sa.String(length=32), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("digested_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("not_before", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("lease_expires_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("ring_after", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("rings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_logs_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logs")),
        sa.UniqueConstraint("app_id", "log_id", name=op.f("uq_logs_app_id_log_id")),
    )
    with op.batch_alter_table("logs", schema=None) as batch_op:
        batch_op.create_index(
            "ix_logs_waiting",
            ["ring_after"],
            unique=False,
            postgresql_where=sa.text("status = 'received'"),
            sqlite_where=sa.text("status = 'received'"),
        )

    op.create_table(
        "memberships",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_memberships_app_id_apps"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_memberships_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "app_id", name=op.f("pk_memberships")),
    )
    with op.batch_alter_table("memberships", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_memberships_app_id"), ["app_id"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("expires_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_tokens")),
    )
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tokens_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_tokens_user_id"), ["user_id"], unique=False)

    op.create_table(
        "turns",
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("served_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_turns_app_id_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_turns")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("crash_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "running",
                "finished",
                "failed",
                "cancelled",
                "expired",
                name="jobstate",
                native_enum=False,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("started_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("finished_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("expires_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("queue", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("not_before", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("lease_expires_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("ring_after", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("rings", sa.Integer(), nullable=False),
        sa.Column("progress_done", sa.BigInteger(), nullable=False),
        sa.Column("progress_total", sa.BigInteger(), nullable=False),
        sa.Column("preview_key", sa.String(length=128), nullable=True),
        sa.Column("data_revision", sa.BigInteger(), nullable=True),
        sa.Column("result_text", sa.Text(), nullable=True),
        sa.Column("result_key", sa.String(length=128), nullable=True),
        sa.Column("result_size", sa.BigInteger(), nullable=True),
        sa.Column("result_sha256", sa.String(length=64), nullable=True),
        sa.Column("result_filename", sa.String(length=255), nullable=True),
        sa.Column("result_media_type", sa.String(length=64), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_status", sa.Integer(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_jobs_app_id_apps")),
        sa.ForeignKeyConstraint(["crash_id"], ["crashes.id"], name=op.f("fk_jobs_crash_id_crashes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index("ix_jobs_expires_at", ["expires_at"], unique=False)
        batch_op.create_index("ix_jobs_key_created_at", ["key", "created_at"], unique=False)
        batch_op.create_index(
            "ix_jobs_live_queue_state",
            ["queue", "state"],
            unique=False,
            postgresql_where=sa.text("state IN ('queued', 'running')"),
            sqlite_where=sa.text("state IN ('queued', 'running')"),
        )
        batch_op.create_index(
            "uq_jobs_live_key",
            ["key"],
            unique=True,
            postgresql_where=sa.text("state IN ('queued', 'running')"),
            sqlite_where=sa.text("state IN ('queued', 'running')"),
        )

    op.create_table(
        "occurrences",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("crash_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("log_row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("log_id", sa.String(length=128), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("occurred_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["crash_id"], ["crashes.id"], name=op.f("fk_occurrences_crash_id_crashes")),
        sa.ForeignKeyConstraint(["log_row"], ["logs.id"], name=op.f("fk_occurrences_log_row_logs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occurrences")),
        sa.UniqueConstraint("log_row", "number", name=op.f("uq_occurrences_log_row_number")),
    )
    with op.batch_alter_table("occurrences", schema=None) as batch_op:
        batch_op.create_index("ix_occurrences_crash_id_log_id", ["crash_id", "log_id"], unique=False)
        batch_op.create_index("ix_occurrences_newest", ["crash_id", "occurred_at", "id"], unique=False)

    op.create_table(
        "job_askers",
        sa.Column("job_id", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("seen_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_askers_job_id_jobs"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_job_askers_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "user_id", name=op.f("pk_job_askers")),
    )
    with op.batch_alter_table("job_askers", schema=None) as batch_op:
        batch_op.create_index("ix_job_askers_user_id_asked_at", ["user_id", "asked_at"], unique=False)


def downgrade() -> None:
    """Undo it."""
    with op.batch_alter_table("job_askers", schema=None) as batch_op:
        batch_op.drop_index("ix_job_askers_user_id_asked_at")

    op.drop_table("job_askers")
    with op.batch_alter_table("occurrences", schema=None) as batch_op:
        batch_op.drop_index("ix_occurrences_newest")
        batch_op.drop_index("ix_occurrences_crash_id_log_id")

    op.drop_table("occurrences")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_jobs_live_key",
            postgresql_where=sa.text("state IN ('queued', 'running')"),
            sqlite_where=sa.text("state IN ('queued', 'running')"),
        )
        batch_op.drop_index(
            "ix_jobs_live_queue_state",
            postgresql_where=sa.text("state IN ('queued', 'running')"),
            sqlite_where=sa.text("state IN ('queued', 'running')"),
        )
        batch_op.drop_index("ix_jobs_key_created_at")
        batch_op.drop_index("ix_jobs_expires_at")

    op.drop_table("jobs")
    op.drop_table("turns")
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tokens_user_id"))
        batch_op.drop_index(batch_op.f("ix_tokens_expires_at"))

    op.drop_table("tokens")
    with op.batch_alter_table("memberships", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_memberships_app_id"))

    op.drop_table("memberships")
    with op.batch_alter_table("logs", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_logs_waiting",
            postgresql_where=sa.text("status = 'received'"),
            sqlite_where=sa.text("status = 'received'"),
        )

    op.drop_table("logs")
    with op.batch_alter_table("crashes", schema=None) as batch_op:
        batch_op.drop_index("ix_crashes_app_id_occurrences_count")
        batch_op.drop_index("ix_crashes_app_id_last_seen")
        batch_op.drop_index("ix_crashes_app_id_first_seen")

    op.drop_table("crashes")
    op.drop_table("users")
    op.drop_table("pulses")
    op.drop_table("apps")
