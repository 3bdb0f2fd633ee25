"""Environment, kind and tags of occurrences, and the index by which crashes are found by a fact.

Occurrences of the previous release tell none of them; `crashq regroup` reads them from the stored logs.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "environment": sa.String(128),
    "handled": sa.Boolean(),
    "kind": sa.String(16),
    "tags": sa.Text(),
}


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    for name, kind in COLUMNS.items():
        op.add_column("occurrences", sa.Column(name, kind, nullable=True))
    op.create_index("ix_crash_figures_value", "crash_figures", ["crash_id", "fact", "value", "detail", "day"])


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.drop_index("ix_crash_figures_value", "crash_figures")
    for name in reversed(COLUMNS):
        op.drop_column("occurrences", name)
