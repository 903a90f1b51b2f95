from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sandbox.parties import ALBA, BRUNO, Ehr, make_ehr, write_chart


@pytest.fixture(scope="session")
def sandbox_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small charts and one prepared database for every test of the sandbox."""
    folder = tmp_path_factory.mktemp("sandbox")
    for patient in (ALBA, BRUNO):
        write_chart(folder / patient, patient)
    return folder


@pytest.fixture
def ehr(sandbox_folder: Path) -> Iterator[Ehr]:
    """A fresh EHR with nothing issued, at a clock of its own."""
    made = make_ehr(sandbox_folder)
    yield made
    made.state.data_plane.close()
