"""grouping: why a crash is one, where its occurrences went, what people decided, and the work of grouping anew."""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MERGED = sa.text("grouped_as IS NOT NULL")
PENDING = sa.text("moved_at IS NULL")
LIVE = sa.text("finished_at IS NULL")
TIME = app.db.UtcTime(timezone=True)


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("crashes", sa.Column("why", sa.Text(), nullable=True))
    op.add_column("occurrences", sa.Column("grouped_as", sa.String(length=24), nullable=True))
    op.create_index(
        "ix_occurrences_grouped_as", "occurrences", ["grouped_as"], postgresql_where=MERGED, sqlite_where=MERGED
    )
    op.create_table(
        "crash_aliases",
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("into_identifier", sa.String(length=24), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_crash_aliases_app_id_apps")),
        sa.PrimaryKeyConstraint("identifier", "into_identifier", name=op.f("pk_crash_aliases")),
    )
    op.create_table(
        "grouping_decisions",
        sa.Column("identifier", sa.String(length=24), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("into_identifier", sa.String(length=24), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("fingerprint_version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", TIME, nullable=False),
        sa.Column("moved_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_grouping_decisions_app_id_apps")),
        sa.PrimaryKeyConstraint("identifier", name=op.f("pk_grouping_decisions")),
    )
    op.create_index("ix_grouping_decisions_into_identifier", "grouping_decisions", ["into_identifier"])
    op.create_index(
        "ix_grouping_decisions_pending",
        "grouping_decisions",
        ["app_id"],
        postgresql_where=PENDING,
        sqlite_where=PENDING,
    )
    op.create_table(
        "regroupings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_log", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.Column("unreadable", sa.BigInteger(), nullable=False),
        sa.Column("wishes", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("stumbles", sa.Integer(), nullable=False),
        sa.Column("lease_expires_at", TIME, nullable=True),
        sa.Column("ring_after", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_regroupings_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regroupings")),
    )
    op.create_index(
        "uq_regroupings_live", "regroupings", ["app_id"], unique=True, postgresql_where=LIVE, sqlite_where=LIVE
    )
    op.create_index("ix_regroupings_due", "regroupings", ["ring_after"], postgresql_where=LIVE, sqlite_where=LIVE)


def downgrade() -> None:
    """Take the schema back to the previous revision. Merged groups stay in the crashes where they are."""
    op.drop_table("regroupings")
    op.drop_table("grouping_decisions")
    op.drop_table("crash_aliases")
    op.drop_index("ix_occurrences_grouped_as", table_name="occurrences", postgresql_where=MERGED, sqlite_where=MERGED)
    op.drop_column("occurrences", "grouped_as")
    op.drop_column("crashes", "why")
