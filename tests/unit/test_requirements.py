"""Every protocol rule is proved, as read from the tests' own text, so that a run of one folder can tell too."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.requirements import RULES
from tests.rules import PAGES


def test_every_rule_is_cited_by_a_test() -> None:
    cited = {rule for path in Path("tests").rglob("test_*.py") for rule in _cited(path)}
    due = {name for name, rule in RULES.items() if not rule.applies_when}
    assert sorted(due - cited) == []
    # What is said to be missing must not be proved quietly: then the gap is closed and the words are wrong.
    assert sorted(cited - due) == []


def test_a_rule_stands_on_one_page() -> None:
    times = Counter(name for page in PAGES for name in page.rules)
    assert [name for name, n in times.items() if n > 1] == []


def _cited(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "requirement":
                    yield from (str(ast.literal_eval(rule)) for rule in mark.args)
