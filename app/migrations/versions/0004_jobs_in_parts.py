"""jobs in parts: plans and parts of batches, jobs about a whole app, and what an occurrence is filtered by."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UNDONE = sa.text("state IN ('waiting', 'running')")
STATES = sa.Enum("waiting", "running", "done", name="partstate", native_enum=False, length=16)
FACTS = ("app_version", "app_build", "os_name", "os_version", "device_model", "user_id")


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("occurrences", sa.Column("described", sa.Boolean(), nullable=True))
    for name in FACTS:
        op.add_column("occurrences", sa.Column(name, sa.String(length=128), nullable=True))
    _let_crash_id_be_null(is_nullable=True)
    op.create_table(
        "job_plans",
        sa.Column("job_id", sa.String(length=24), nullable=False),
        sa.Column("made_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("last_row", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_plans_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_plans")),
    )
    op.create_table(
        "job_parts",
        sa.Column("job_id", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("upto", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("state", STATES, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("trouble_since", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("not_before", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("lease_expires_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("unreadable", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("key", sa.String(length=128), nullable=True),
        sa.Column("filename", sa.String(length=255), nullable=True),
        sa.Column("media_type", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_parts_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_job_parts")),
    )
    op.create_index(
        "ix_job_parts_undone",
        "job_parts",
        ["state", "job_id", "number"],
        postgresql_where=UNDONE,
        sqlite_where=UNDONE,
    )


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("job_parts")
    op.drop_table("job_plans")
    op.execute("DELETE FROM jobs WHERE crash_id IS NULL")
    _let_crash_id_be_null(is_nullable=False)
    for name in ("described", *FACTS):
        op.drop_column("occurrences", name)


def _let_crash_id_be_null(*, is_nullable: bool) -> None:
    """SQLite copies the table to change it; what drops the old one would take the askers along, so they are kept apart."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("jobs", "crash_id", existing_type=sa.BigInteger(), nullable=is_nullable)
        return
    op.execute("CREATE TEMPORARY TABLE kept_askers AS SELECT * FROM job_askers")
    with op.batch_alter_table("jobs") as batch:
        batch.alter_column("crash_id", existing_type=sa.Integer(), nullable=is_nullable)
    op.execute("INSERT INTO job_askers SELECT * FROM kept_askers")
    op.execute("DROP TABLE kept_askers")
