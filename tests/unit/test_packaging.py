"""The wheel: what it needs, what it holds, what it starts. `make wheel` installs it into an empty environment and uses it."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from pathlib import Path

from app.settings import VERSION

EXTRAS = re.compile(r"\[[^]]*\]")
PROJECT = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]


def test_what_the_wheel_needs_is_what_the_lock_is_made_of() -> None:
    lines = Path("requirements.in").read_text("utf-8").splitlines()
    assert PROJECT["dependencies"] == [line for line in lines if line and not line.startswith("#")]
    for name in PROJECT["dependencies"]:
        assert ",<" in name, f"{name} has no upper bound"
    assert PROJECT["version"] == VERSION


def test_what_is_tested_with_is_what_is_installed() -> None:
    def pins(name: str) -> set[str]:
        lines = Path(name).read_text("utf-8").splitlines()
        # A tool may want more extras of the same.
        return {EXTRAS.sub("", line.split()[0]) for line in lines if line[:1].isalpha()}

    assert pins("requirements.txt") <= pins("requirements-dev.txt")


def test_the_command_that_it_installs_is_there() -> None:
    module, _, name = PROJECT["scripts"]["chartside"].partition(":")
    assert callable(getattr(import_module(module), name))


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("chartside-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    files = {str(p) for p in Path("app").rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert sorted(files - held) == []
    assert {"app/store/migrations/script.py.mako", "app/llm/synonyms.toml"} <= held
    # The built frontend goes with it where there is one.
    built = Path("frontend/dist/.vite/manifest.json").is_file()
    assert ("app/dist/.vite/manifest.json" in held) == built
    assert not [name for name in held if name.startswith(("sandbox/", "tests/", "bench/"))]
