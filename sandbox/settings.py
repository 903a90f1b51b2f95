"""Everything that can be configured in the pretend EHR, frozen and built once."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sandbox.assertions import Fetched
from sandbox.clients import Client, backend_client, chartside_client, launcher_client
from sandbox.loopback import fetch
from sandbox.profiles import PROFILES, STRICT

PACKAGE = Path(__file__).resolve().parent
DEFAULT_EHR_ORIGIN = "http://ehr.localhost:9000"
DEFAULT_APP_LAUNCH_URL = "http://app.localhost:9001/smart/sandbox/launch"


class SandboxConfigurationError(ValueError):
    """A setting, a chart folder or a fault rule is wrong; the message names it."""


def utc_now() -> datetime:
    """Return the real time; protocol lifetimes always use it, never a chart's clinical time."""
    return datetime.now(UTC)


def bundled_charts() -> tuple[Path, ...]:
    """Return every folder under `sandbox/charts` that holds a `manifest.json`: by name, the unusual patients last."""
    charts = PACKAGE / "charts"
    ordinary, special = (sorted(charts.glob(where)) for where in ("*/manifest.json", "special/*/manifest.json"))  # fmt: skip
    return tuple(path.parent for path in (*ordinary, *special))


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """The whole configuration of one pretend EHR.

    `latency_ms` delays every FHIR answer to a token, so that a bench can imitate a distant EHR. `clock` is
    real time, replaced by tests of expiry. `sleep` is what a `slow` fault and `latency_ms` call.
    `extra_clients` are registered beside the Chartside registration derived from `app_launch_url`. `fetch` reads the
    key set of a client; only this machine is asked. `population` is a folder of `*.ndjson` that exports hold instead of the charts. `profile` names how launches behave that name no other.
    """

    ehr_origin: str = DEFAULT_EHR_ORIGIN
    app_launch_url: str = DEFAULT_APP_LAUNCH_URL
    data_folder: Path = PACKAGE.parent / "run" / "sandbox"
    chart_folders: tuple[Path, ...] = field(default_factory=bundled_charts)
    extra_clients: tuple[Client, ...] = ()
    population: Path | None = None
    latency_ms: int = 0
    profile: str = STRICT.name
    code_lifetime_s: int = 60
    launch_lifetime_s: int = 300
    access_token_lifetime_s: int = 3600
    refresh_token_lifetime_s: int = 12 * 3600
    clock: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep
    fetch: Callable[[str], Fetched] = fetch

    @property
    def fhir_base(self) -> str:
        """The FHIR base address, which is also the issuer and the only accepted `aud`."""
        return f"{self.ehr_origin}/fhir"

    @property
    def clients(self) -> tuple[Client, ...]:
        """Every registered client; the first is the one that the app menu launches."""
        return (
            chartside_client(self.app_launch_url),
            launcher_client(self.app_launch_url),
            backend_client(self.app_launch_url),
            *self.extra_clients,
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "SandboxSettings":
        """Read `SANDBOX_*` variables; a missing one keeps its default.

        `SANDBOX_CHARTS` lists chart folders, separated as in `PATH`.

        Raises:
            SandboxConfigurationError: a value cannot be read; the message names the variable.
        """
        defaults = cls()
        charts = environ.get("SANDBOX_CHARTS", "")
        return cls(
            ehr_origin=environ.get("SANDBOX_EHR_ORIGIN", defaults.ehr_origin).rstrip("/"),
            app_launch_url=environ.get("SANDBOX_APP_LAUNCH_URL", defaults.app_launch_url),
            data_folder=Path(environ.get("SANDBOX_DATA_FOLDER", str(defaults.data_folder))),
            chart_folders=(
                tuple(Path(part) for part in charts.split(os.pathsep))
                if charts
                else defaults.chart_folders
            ),
            population=Path(environ["SANDBOX_POPULATION"])
            if environ.get("SANDBOX_POPULATION")
            else None,
            latency_ms=_natural(environ, "SANDBOX_LATENCY_MS", defaults.latency_ms),
            profile=_profile(environ.get("SANDBOX_PROFILE", defaults.profile)),
            access_token_lifetime_s=_natural(
                environ, "SANDBOX_TOKEN_LIFETIME_S", defaults.access_token_lifetime_s
            ),
        )


def _profile(name: str) -> str:
    if name not in PROFILES:
        raise SandboxConfigurationError(f"SANDBOX_PROFILE must be one of {', '.join(PROFILES)}")
    return name


def _natural(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, str(default))
    if not text.isdecimal():
        raise SandboxConfigurationError(f"{name} must be a whole number, not {text!r}")
    return int(text)
