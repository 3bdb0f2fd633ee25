"""Triage: states and assignees of crashes, and their history.

Every crash is open at first. The previous release takes nothing off `ignored_left` and opens no crash again: what it digests
meanwhile is looked at with the next occurrence.
"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

UNTIL_A_DAY = sa.text("ignored_until IS NOT NULL")
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("crashes", sa.Column("state", sa.String(length=16), nullable=False, server_default="open"))
    for column in (
        sa.Column("state_changed_at", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("resolved_in", sa.String(length=128), nullable=True),
        sa.Column("terms", sa.Text(), nullable=True),
        sa.Column("ignored_until", app.db.UtcTime(timezone=True), nullable=True),
        sa.Column("ignored_left", sa.BigInteger(), nullable=True),
        sa.Column("regressed_at", app.db.UtcTime(timezone=True), nullable=True),
    ):
        op.add_column("crashes", column)
    op.create_index(
        "ix_crashes_ignored_until", "crashes", ["ignored_until"], postgresql_where=UNTIL_A_DAY, sqlite_where=UNTIL_A_DAY
    )
    op.create_table(
        "crash_assignees",
        sa.Column("crash_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["crash_id"], ["crashes.id"], name=op.f("fk_crash_assignees_crash_id_crashes"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_crash_assignees_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("crash_id", name=op.f("pk_crash_assignees")),
    )
    op.create_index("ix_crash_assignees_user_id", "crash_assignees", ["user_id"])
    op.create_table(
        "crash_history",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("crash_id", ROW_ID, nullable=False),
        sa.Column("happened_at", app.db.UtcTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("assignee_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.String(length=128), nullable=True),
        sa.Column("terms", sa.Text(), nullable=True),
        sa.Column("other_identifier", sa.String(length=24), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["crash_id"], ["crashes.id"], name=op.f("fk_crash_history_crash_id_crashes"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_crash_history_user_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["users.id"], name=op.f("fk_crash_history_assignee_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crash_history")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_crash_history_crash_id_id", "crash_history", ["crash_id", "id"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_table("crash_history")
    op.drop_table("crash_assignees")
    op.drop_index("ix_crashes_ignored_until", "crashes")
    for column in (
        "regressed_at", "ignored_left", "ignored_until", "terms", "resolved_in", "state_changed_at", "state"
    ):  # fmt: skip
        op.drop_column("crashes", column)
