"""Put the built frontend into the wheel, where there is one (`npm run build`); a wheel without it serves MCP and commands only."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Frontend(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's generic is its own configuration
    """hatchling calls it before it collects files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # the hook's signature
        """Add `frontend/dist` as `app/dist`."""
        dist = Path(self.root) / "frontend" / "dist"
        if dist.is_dir():
            build_data["force_include"][str(dist)] = "app/dist"
