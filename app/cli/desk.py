"""What every command of IT works with: the settings, the database, the audit, and a way to print."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from sqlalchemy import Engine

from app.audit.log import AuditLog
from app.errors import ConfigurationError
from app.llm.catalog import Catalog
from app.llm.catalog import load as load_models
from app.llm.no_llm import NoLanguageModel
from app.llm.synonyms import load as load_synonyms
from app.settings import Settings
from app.smart.keys import Keyring
from app.store.engine import open_database
from app.store.keys import KeyRows

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
Clock = Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One command's means; nothing is opened before it is used."""

    settings: Settings
    transport: httpx2.BaseTransport | None
    clock: Clock

    @cached_property
    def engine(self) -> Engine:
        """The server's own database."""
        return open_database(self.settings.database_url)

    @property
    def audit(self) -> AuditLog:
        """The audit log, which commands append to like requests do."""
        return AuditLog(self.engine, self.clock)

    @property
    def keyring(self) -> Keyring:
        """The keys that sign."""
        return Keyring(KeyRows(self.engine), self.settings.secret_key, self.clock)

    @property
    def models(self) -> Catalog:
        """The configured language models."""
        return load_models(self.settings, NoLanguageModel(load_synonyms()))

    def path(self, name: str) -> Path:
        """Return a registration's file.

        Raises:
            ConfigurationError: there is none of this name.
        """
        folder = self.settings.launch_config
        known = {path.stem: path for path in sorted(folder.glob("*.toml"))}
        if name not in known:
            raise ConfigurationError(
                f"no {name}.toml in {folder}; there is: {', '.join(known) or 'nothing'}"
            )
        return known[name]


def say(text: str) -> int:
    """Print, and return the exit code of a command that went well."""
    sys.stdout.write(text)
    return 0


def plain(text: str) -> str:
    """Return text without control characters: an EHR's words must not steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
