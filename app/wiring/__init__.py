"""The composition root: the only package that builds adapters and joins them.

`build` makes the services of one process: `smart` what speaks to authorization servers, `sources` where charts are read
from, `hosts` the doors for other applications.
"""

from app.wiring.build import build
from app.wiring.services import Services

__all__ = ["Services", "build"]
