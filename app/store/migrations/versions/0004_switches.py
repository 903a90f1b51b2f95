"""What IT has switched off, read by every process."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the switches; nothing is off."""
    op.create_table(
        "switch",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("reason", sa.String(256), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
