"""generations of jobs: of those who ask at once, one begins the next job of a request, whatever becomes of it.

The release before names no generation. Its jobs have none, which conflicts with nothing: beside it both releases do what
it did, one live job of a request at a time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the previous revision to this one, beside a running previous release."""
    op.add_column("jobs", sa.Column("generation", sa.Integer(), nullable=True))
    op.create_index("uq_jobs_key_generation", "jobs", ["key", "generation"], unique=True)
    op.drop_index("ix_jobs_key_created_at", "jobs")  # what looks for a key has the other index


def downgrade() -> None:
    """Take the schema back to the previous revision."""
    op.create_index("ix_jobs_key_created_at", "jobs", ["key", "created_at"])
    op.drop_index("uq_jobs_key_generation", "jobs")
    op.drop_column("jobs", "generation")
