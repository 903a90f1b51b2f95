"""IT's shell beside a running stack: the same settings, in this process or in one of its own."""

import base64
import subprocess
import sys

from app.cli import main
from tests.stack import Stack


def environ(stack: Stack) -> dict[str, str]:
    """Return the variables that the stack's copilot was started with."""
    settings = stack.services.settings
    return {
        "CHARTSIDE_ENVIRONMENT": settings.environment,
        "CHARTSIDE_ORIGIN": settings.origin,
        "CHARTSIDE_SECRET_KEY": base64.urlsafe_b64encode(settings.secret_key.reveal()).decode(),
        "CHARTSIDE_DATABASE_URL": settings.database_url,
        "CHARTSIDE_LAUNCH_CONFIG": str(settings.launch_config),
    }


def it(stack: Stack, *arguments: str) -> int:
    """Run a command; return its exit code."""
    return main(arguments, environ(stack), clock=stack.clock)


def it_in_a_process(stack: Stack, *arguments: str) -> str:
    """Run a command in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        check=True, capture_output=True, text=True, env=environ(stack),
    )  # fmt: skip
    return done.stdout
