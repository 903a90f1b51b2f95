"""One generated population and its flat tables, made once for all tests of cohorts: nobody writes to them."""

from typing import Any

import pytest

from app.fhir.labels import Labels
from app.warehouse.cohort.flat import Flat, flat
from tests.cohort_store import carebundle, store

Made = tuple[Flat, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The tables of 200 patients, and the resources that they were made of."""
    resources = carebundle(tmp_path_factory.mktemp("ndjson"))
    folder, snapshot = store(tmp_path_factory.mktemp("data"), resources)
    return flat(folder, snapshot, Labels(), "America/Chicago"), resources
