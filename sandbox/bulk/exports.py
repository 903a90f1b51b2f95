"""What one pretend EHR holds for exports: the population, the jobs, the switches, and who was seen at the files."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sandbox.bulk.jobs import Jobs
from sandbox.bulk.population import Population, of_charts, of_files
from sandbox.bulk.traps import BulkTraps
from sandbox.data_plane import DataPlane


class Exports:
    """`population` is that of the charts, until another is given; `traps` count down as they strike."""

    def __init__(
        self, clock: Callable[[], datetime], data_plane: DataPlane, folder: Path | None = None
    ) -> None:
        """`folder` holds `*.ndjson` that stand in place of the charts."""
        self._clock = clock
        self._data_plane = data_plane
        self._folder = folder
        self._given: Population | None = None
        self.jobs = Jobs(clock)
        self.traps = BulkTraps()
        self._struck: dict[str, int] = {}
        # File requests that carried a token though they should not have.
        self.leaked_tokens = 0

    @property
    def population(self) -> Population:
        """What is exported."""
        return self._given or self._loaded

    @population.setter
    def population(self, given: Population) -> None:
        self._given = given

    @cached_property
    def _loaded(self) -> Population:
        if self._folder is not None:
            return of_files(self._folder, self._clock())
        return of_charts(self._data_plane)

    def set(self, traps: BulkTraps) -> None:
        """Set the switches, and count anew."""
        self.traps = traps
        self._struck = {}

    def strikes(self, name: str) -> bool:
        """Count a request, and tell whether the switch of this name still strikes."""
        most: int = getattr(self.traps, name)
        self._struck[name] = self._struck.get(name, 0) + 1
        return self._struck[name] <= most
