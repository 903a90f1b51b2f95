"""What the audit says of MCP hosts."""

import json
from typing import Any

from sqlalchemy import text

from app.store.engine import open_database, reading
from tests.stack import Stack


def mcp_rows(stack: Stack, launch_id: str | None = None) -> list[dict[str, Any]]:
    """Return the details of rows of hosts, oldest first; of one launch where it is named."""
    engine = open_database(stack.services.settings.database_url)
    query = "select launch_id, detail from audit where kind = 'mcp' order by position"
    with reading(engine) as db:
        rows = db.execute(text(query)).all()
    return [json.loads(r.detail) for r in rows if launch_id in (None, r.launch_id)]


def refusals(stack: Stack, *codes: str) -> int:
    """Count every refusal, of these codes if any are given; those too that were like one before and have no row of their own (yet)."""
    rows = [row for row in mcp_rows(stack) if row["act"] == "refused"]
    kept = stack.services.mcp._authorization._refusals._windows.items()
    told = [(row["code"], int(row.get("more", 1))) for row in rows]
    waiting = [(refusal.code, window.more) for refusal, window in kept]
    return sum(times for code, times in told + waiting if not codes or code in codes)
