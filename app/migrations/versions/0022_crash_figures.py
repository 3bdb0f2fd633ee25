"""Figures of crashes, kept with every change of their occurrences.

No crash has figures at first, and the previous release keeps none: it raises `revision` alone, so that they do not answer.
A background pass counts what is missing; until it has, statistics count occurrences as before.
"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

LIVE = sa.text("finished_at IS NULL")
INCOMPLETE = sa.text("figures_revision <> revision")


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("crashes", sa.Column("figures_revision", sa.BigInteger(), nullable=False, server_default="-1"))
    op.create_index(
        "ix_crashes_figures", "crashes", ["app_id", "id"], postgresql_where=INCOMPLETE, sqlite_where=INCOMPLETE
    )
    op.create_table(
        "crash_figures",
        sa.Column(
            "crash_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("fact", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("value", sa.String(length=129), nullable=False),
        sa.Column("detail", sa.String(length=129), nullable=False),
        sa.Column("occurrences", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["crash_id"], ["crashes.id"], name=op.f("fk_crash_figures_crash_id_crashes"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("crash_id", "fact", "day", "value", "detail", name=op.f("pk_crash_figures")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "figure_recounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("created_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("crashes", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("trouble_since", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("lease_expires_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("not_before", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("ring_after", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("rings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_figure_recounts_app_id_apps"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_recounts")),
    )
    op.create_index(
        "uq_figure_recounts_live", "figure_recounts", ["app_id"], unique=True, postgresql_where=LIVE, sqlite_where=LIVE
    )
    op.create_index(
        "ix_figure_recounts_due", "figure_recounts", ["ring_after"], postgresql_where=LIVE, sqlite_where=LIVE
    )


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("figure_recounts")
    op.drop_table("crash_figures")
    op.drop_index("ix_crashes_figures", "crashes")
    op.drop_column("crashes", "figures_revision")
