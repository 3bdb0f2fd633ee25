"""Figures by user and by environment tell the version as well: those that are kept are counted anew.

The previous release keeps no figures. Statistics count occurrences until workers have counted what is there.
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.execute("UPDATE crashes SET figures_revision = -1 WHERE figures_revision <> -1")


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.execute("UPDATE crashes SET figures_revision = -1 WHERE figures_revision <> -1")
