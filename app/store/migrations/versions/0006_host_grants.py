"""Sign-ins of MCP hosts outside the EHR, from the authorization request to the last refresh token."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; there are none."""
    op.create_table(
        "host_grant",
        sa.Column("grant_id", sa.String(32), primary_key=True),
        sa.Column("stage", sa.String(8), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False, index=True),
        sa.Column("launch_id", sa.String(32), nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False, index=True),
    )
