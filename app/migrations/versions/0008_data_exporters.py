"""data exporters: what is exported at regular times, and each run of it."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UNDONE = sa.text("state <> 'done'")
TIME = app.db.UtcTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATES = sa.Enum("waiting", "exporting", "done", "failed", name="runstate", native_enum=False, length=16)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.create_table(
        "data_exporters",
        sa.Column("id", ID, nullable=False),
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("bucket_name", sa.String(length=63), nullable=False),
        sa.Column("subfolder", sa.String(length=200), nullable=False),
        sa.Column("frequency", sa.String(length=8), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("initial_run_at", TIME, nullable=False),
        sa.Column("last_run_at", TIME, nullable=True),
        sa.Column("next_run_at", TIME, nullable=False),
        _key("data_exporters", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_exporters")),
        sa.UniqueConstraint("identifier", name=op.f("uq_data_exporters_identifier")),
    )
    op.create_index(op.f("ix_data_exporters_user_id"), "data_exporters", ["user_id"])
    op.create_index(op.f("ix_data_exporters_next_run_at"), "data_exporters", ["next_run_at"])
    op.create_table(
        "data_exporter_apps",
        sa.Column("exporter_id", ID, nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        _key("data_exporter_apps", "exporter_id", "data_exporters"),
        _key("data_exporter_apps", "app_id", "apps"),
        sa.PrimaryKeyConstraint("exporter_id", "app_id", name=op.f("pk_data_exporter_apps")),
    )
    op.create_table(
        "data_exporter_runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("exporter_id", ID, nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("scheduled_for", TIME, nullable=False),
        sa.Column("since", TIME, nullable=True),
        sa.Column("after_row", sa.BigInteger(), nullable=False),
        sa.Column("upto_row", sa.BigInteger(), nullable=False),
        sa.Column("state", STATES, nullable=False),
        sa.Column("job_id", sa.String(length=24), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", TIME, nullable=False),
        sa.Column("lease_expires_at", TIME, nullable=True),
        sa.Column("files_done", sa.Integer(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        _key("data_exporter_runs", "exporter_id", "data_exporters"),
        _key("data_exporter_runs", "app_id", "apps"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_exporter_runs")),
        sa.UniqueConstraint(
            "exporter_id",
            "app_id",
            "scheduled_for",
            name=op.f("uq_data_exporter_runs_exporter_id_app_id_scheduled_for"),
        ),
    )
    op.create_index(
        "ix_data_exporter_runs_undone",
        "data_exporter_runs",
        ["next_at"],
        postgresql_where=UNDONE,
        sqlite_where=UNDONE,
    )


def downgrade() -> None:
    """Take the schema back to the previous revision. What was delivered stays."""
    for table in ("data_exporter_runs", "data_exporter_apps", "data_exporters"):
        op.drop_table(table)
