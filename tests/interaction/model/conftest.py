from pathlib import Path

import pytest

from tests.interaction.model.models import Provider, provider
from tests.stack import Stack, make_stack


@pytest.fixture(autouse=True)
def _no_faults_left() -> None:
    """Each test here has its own stack, so nothing is left for another."""


@pytest.fixture
def models() -> Provider:
    return provider("a", "b")


@pytest.fixture
def stack(tmp_path: Path, models: Provider) -> Stack:
    return make_stack(tmp_path, catalog=models.catalog)
