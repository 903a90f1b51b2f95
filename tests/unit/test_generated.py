from pathlib import Path

from tests.requirements import conformance


def test_the_conformance_page_is_the_one_that_the_rules_give() -> None:
    assert Path("docs/conformance.md").read_text("utf-8") == conformance(), (
        "run python -m tests.requirements"
    )
