"""The tables, as SQLAlchemy Core sees them. Migrations create them; nothing else does.

Times are seconds since the epoch (UTC). Keys, states and secrets are stored as SHA-256 hex only.
"""

from sqlalchemy import (
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

pending_launch = Table(
    "pending_launch",
    metadata,
    Column("state_hash", String(64), primary_key=True),
    Column("registration", String(64), nullable=False),
    Column("bind_hash", String(64), nullable=False),
    Column("bad_binds", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)

launch = Table(
    "launch",
    metadata,
    Column("launch_id", String(32), primary_key=True),
    Column("registration", String(64), nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("resume_hash", String(64), nullable=False),
    Column("last_used_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
    Column("parked_at", Float, nullable=True),
    Column("scope", Text, nullable=True),
)

session = Table(
    "session",
    metadata,
    Column("session_id", String(64), primary_key=True),
    Column("launch_id", String(32), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("launch_id", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("version", Integer, nullable=False),
    Column("intent", String(32), nullable=False),
    Column("lease_until", Float, nullable=False),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("alg", String(8), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("signs_at", Float, nullable=False),
    Column("withdrawn_at", Float, nullable=True),
)

turn = Table(
    "turn",
    metadata,
    Column("launch_id", String(32), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("turn_id", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("transcript", LargeBinary, nullable=True),
    UniqueConstraint("launch_id", "turn_id"),
)

digest = Table(
    "digest",
    metadata,
    Column("launch_id", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

model_choice = Table(
    "model_choice",
    metadata,
    Column("launch_id", String(32), primary_key=True),
    Column("model_id", String(64), nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("launch_id", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

kept = Table(
    "kept",
    metadata,
    Column("launch_id", String(32), primary_key=True),
    Column("registration", String(64), nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("days", Integer, nullable=False),
)

host_grant = Table(
    "host_grant",
    metadata,
    Column("grant_id", String(32), primary_key=True),
    Column("stage", String(8), nullable=False),
    Column("secret_hash", String(64), nullable=False, index=True),
    Column("launch_id", String(32), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)

switch = Table(
    "switch",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("reason", String(256), nullable=False),
    Column("at", Float, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("at", String(32), nullable=False),
    Column("kind", String(32), nullable=False, index=True),
    Column("launch_id", String(32), nullable=False, index=True),
    Column("registration", String(64), nullable=False),
    Column("user_reference", String(256), nullable=False),
    Column("patient", String(256), nullable=False, index=True),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)

audit_anchor = Table(
    "audit_anchor",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("at", String(32), nullable=False),
)
