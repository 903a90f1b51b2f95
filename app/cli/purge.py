"""`purge`: remove what is older than `[retention]` says, now; the server does the same every minute."""

import argparse
from typing import TYPE_CHECKING

from app.agent.retention import Retention
from app.cli.desk import Desk, say
from app.smart.registry import load_registry
from app.store.conversations import Conversations

if TYPE_CHECKING:
    from app.cli.desk import Commands


def add(commands: "Commands") -> None:
    """Add the command."""
    purge = commands.add_parser("purge", help="remove turns and audit rows older than [retention]")
    purge.set_defaults(act=_purge)


def _purge(desk: Desk, _: argparse.Namespace) -> int:
    settings = desk.settings
    production = settings.environment == "production"
    registry = load_registry(settings.launch_config, origin=settings.origin, production=production)
    conversations = Conversations(desk.engine, settings.secret_key)
    gone = Retention(conversations, desk.audit, registry, desk.clock).purge()
    broken = desk.audit.verify()
    say(f"Removed: turns of {gone.launches:,} launches, {gone.audit_rows:,} audit rows.\n")
    if broken is None:
        return say("The audit chain is whole.\n")
    say(f"The audit chain breaks at row {broken:,}.\n")
    return 1
