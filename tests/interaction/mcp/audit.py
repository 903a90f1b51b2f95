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
