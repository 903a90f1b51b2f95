"""Every protocol rule is proved, as read from the tests' own text, so that a run of one folder can tell too."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.requirements import RULES
from tests.rules import PAGES

# Every requirement on a client in hl7.fhir.uv.smart-app-launch_2.2.0 (SHALL, SHALL NOT, SHOULD, MAY).
CLIENT = """
1-13 20-23 29 32-37 39-47 50-52 60-72 90 93 97-98 105-108 117 120-122 124-125 131-133 135 137 141 143 146-148 150-153
155-158 161-162 166 191 193 195-196 201-202 211 215-216 218-220 225-227 229-230 232-239 242 263-264 267-268 270 290-295
298-304 307-309 312-315 317-325 327-334 343 345 375 379 413-416 420 425-426 435
"""


def test_every_rule_is_cited_by_a_test() -> None:
    cited = {rule for path in Path("tests").rglob("test_*.py") for rule in _cited(path)}
    due = {name for name, rule in RULES.items() if not rule.applies_when}
    assert sorted(due - cited) == []
    # What is said to be missing must not be proved quietly: then the gap is closed and the words are wrong.
    assert sorted(cited - due) == []


def test_a_rule_stands_on_one_page() -> None:
    times = Counter(name for page in PAGES for name in page.rules)
    assert [name for name, n in times.items() if n > 1] == []


def test_every_requirement_on_a_client_of_smart_app_launch_is_a_rule_here() -> None:
    asked = {n for part in CLIENT.split() for n in _range(part)}
    listed = {n for rule in RULES.values() for n in rule.numbers}
    assert len(asked) == 164
    assert sorted(asked ^ listed) == []


def _range(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)


def _cited(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "requirement":
                    yield from (str(ast.literal_eval(rule)) for rule in mark.args)
