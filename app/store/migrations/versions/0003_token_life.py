"""Refreshing tokens once, keys that sign for Chartside, parked launches, and scopes that shrank."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; a launch from before has no refresh token and lives as long as its access token."""
    op.add_column("token", sa.Column("version", sa.Integer, nullable=False, server_default="0"))
    op.add_column("token", sa.Column("intent", sa.String(32), nullable=False, server_default=""))
    op.add_column("token", sa.Column("lease_until", sa.Float, nullable=False, server_default="0"))
    op.add_column("launch", sa.Column("parked_at", sa.Float, nullable=True))
    op.add_column("launch", sa.Column("scope", sa.Text, nullable=True))
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.String(64), primary_key=True),
        sa.Column("alg", sa.String(8), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.Float, nullable=False),
        sa.Column("signs_at", sa.Float, nullable=False),
        sa.Column("withdrawn_at", sa.Float, nullable=True),
    )
