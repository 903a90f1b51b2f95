"""Launches, sessions, tokens, conversations and the append-only audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

REFUSE_CHANGE = """
CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END
"""
REFUSE_CHANGE_POSTGRESQL = """
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_append_only()
"""


def upgrade() -> None:
    """Create every table of the first release."""
    _launches()
    _conversations()
    _audit()


def _launches() -> None:
    op.create_table(
        "pending_launch",
        sa.Column("state_hash", sa.String(64), primary_key=True),
        sa.Column("registration", sa.String(64), nullable=False),
        sa.Column("bind_hash", sa.String(64), nullable=False),
        sa.Column("bad_binds", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False, index=True),
    )
    op.create_table(
        "launch",
        sa.Column("launch_id", sa.String(32), primary_key=True),
        sa.Column("registration", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("resume_hash", sa.String(64), nullable=False),
        sa.Column("last_used_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False, index=True),
    )
    op.create_table(
        "session",
        sa.Column("session_id", sa.String(64), primary_key=True),
        sa.Column("launch_id", sa.String(32), nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "token",
        sa.Column("launch_id", sa.String(32), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
    )


def _conversations() -> None:
    op.create_table(
        "turn",
        sa.Column("launch_id", sa.String(32), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("turn_id", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("launch_id", "turn_id"),
    )
    op.create_table(
        "ledger",
        sa.Column("launch_id", sa.String(32), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False, index=True),
        sa.Column("launch_id", sa.String(32), nullable=False, index=True),
        sa.Column("registration", sa.String(64), nullable=False),
        sa.Column("user_reference", sa.String(256), nullable=False),
        sa.Column("patient", sa.String(256), nullable=False, index=True),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(REFUSE_CHANGE.format(verb="UPDATE"))
        op.execute(REFUSE_CHANGE.format(verb="DELETE"))
    else:
        op.execute(REFUSE_CHANGE_POSTGRESQL)
