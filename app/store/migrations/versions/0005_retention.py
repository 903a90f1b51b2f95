"""How long turns and audit rows are kept: what a launch left, and where the audit's chain begins after a purge."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# A row may go once an anchor says that the chain begins behind it; an anchor names a row that is there, and stays.
SQLITE = (
    "DROP TRIGGER IF EXISTS audit_no_DELETE",
    """
CREATE TRIGGER audit_no_DELETE BEFORE DELETE ON audit
WHEN OLD.position > COALESCE((SELECT MAX(position) FROM audit_anchor), 0)
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END
""",
    """
CREATE TRIGGER audit_anchor_names_a_row BEFORE INSERT ON audit_anchor
WHEN NOT EXISTS (SELECT 1 FROM audit WHERE position = NEW.position AND digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'audit_anchor names no row of the audit'); END
""",
    """
CREATE TRIGGER audit_anchor_no_UPDATE BEFORE UPDATE ON audit_anchor
BEGIN SELECT RAISE(ABORT, 'audit_anchor is append-only'); END
""",
    """
CREATE TRIGGER audit_anchor_no_DELETE BEFORE DELETE ON audit_anchor
BEGIN SELECT RAISE(ABORT, 'audit_anchor is append-only'); END
""",
)
POSTGRESQL = (
    """
CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
IF TG_OP = 'DELETE' THEN
  IF OLD.position <= COALESCE((SELECT MAX(position) FROM audit_anchor), 0) THEN RETURN OLD; END IF;
END IF;
RAISE EXCEPTION 'audit is append-only'; END $$
""",
    """
CREATE OR REPLACE FUNCTION audit_anchor_names_a_row() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
IF TG_OP = 'INSERT' THEN
  IF EXISTS (SELECT 1 FROM audit WHERE position = NEW.position AND digest = NEW.digest) THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'audit_anchor names no row of the audit';
END IF;
RAISE EXCEPTION 'audit_anchor is append-only'; END $$
""",
    """
CREATE TRIGGER audit_anchor_names_a_row BEFORE INSERT OR UPDATE OR DELETE ON audit_anchor
FOR EACH ROW EXECUTE FUNCTION audit_anchor_names_a_row()
""",
)


def upgrade() -> None:
    """Add them; nothing was purged, and no launch that has ended left anything."""
    op.create_table(
        "kept",
        sa.Column("launch_id", sa.String(32), primary_key=True),
        sa.Column("registration", sa.String(64), nullable=False),
        sa.Column("ended_at", sa.Float, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
    )
    op.create_table(
        "audit_anchor",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if sqlite else POSTGRESQL:
        op.execute(statement)
