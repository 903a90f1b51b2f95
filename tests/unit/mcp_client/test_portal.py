"""A process that called an EHR's MCP server ends when it is done, whatever still runs in the loop."""

import subprocess
import sys

PROGRAM = """
import asyncio
from app.mcp.portal import Portal

async def begin():
    asyncio.get_running_loop().create_task(asyncio.sleep(3600))

portal = Portal()
portal.call(begin)
print("done")
"""


def test_a_process_ends_although_something_still_runs_in_its_portal() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
