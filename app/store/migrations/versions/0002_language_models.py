"""What language models need of a launch: its transcript, its frozen overview, and which model was chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; turns from before have no transcript."""
    op.add_column("turn", sa.Column("transcript", sa.LargeBinary, nullable=True))
    op.create_table(
        "digest",
        sa.Column("launch_id", sa.String(32), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "model_choice",
        sa.Column("launch_id", sa.String(32), primary_key=True),
        sa.Column("model_id", sa.String(64), nullable=False),
    )
