import pytest

from app.launch_context import Grant, Verb
from app.smart.scopes import missing_scopes, narrowed, parse_scopes
from tests.requirements import requirement
from tests.unit.fhir.test_granular import context


@requirement("smart:scopes:syntax")
def test_both_syntaxes_are_understood_and_anything_else_grants_nothing() -> None:
    granted = parse_scopes(
        "launch openid patient/*.read user/Practitioner.r "
        "patient/Observation.rs?category=laboratory patient/Condition.sr patient/Foo.x offline_access"
    )
    assert granted == (
        Grant(level="patient", resource_type="*", verbs=frozenset("rs")),
        Grant(level="user", resource_type="Practitioner", verbs=frozenset("r")),
        Grant(
            level="patient",
            resource_type="Observation",
            verbs=frozenset("rs"),
            params="category=laboratory",
        ),
    )


@requirement("smart:scopes:verbs")
@pytest.mark.parametrize(
    ("scope", "verbs"),
    [
        ("patient/Task.c", "c"),
        ("patient/Task.r", "r"),
        ("patient/Task.u", "u"),
        ("user/Task.d", "d"),
        ("patient/*.s", "s"),
        ("patient/Task.cu user/*.rs", "crsu"),
        ("patient/Task.cruds", "cdrsu"),
        ("patient/Task.read", "rs"),
        ("patient/Task.write", "cdu"),
        ("patient/Task.rc patient/Task.rr patient/Task. patient/Task.rx system/Task.cruds", ""),
        ("patient/Other.cruds Patient/Task.r patients/Task.r", ""),
    ],
)
def test_a_launch_may_do_what_a_letter_stands_for_and_no_more(scope: str, verbs: str) -> None:
    found = context(scope)
    every: tuple[Verb, ...] = ("c", "d", "r", "s", "u")
    assert "".join(verb for verb in every if found.can("Task", verb)) == verbs


def test_write_and_star_of_the_first_version_expand() -> None:
    (write, everything) = parse_scopes("patient/Task.write patient/Task.*")
    assert (write.verbs, everything.verbs) == (frozenset("cud"), frozenset("cruds"))


@requirement("smart:refresh:no-wider", "smart:refresh:narrower", "attack-21")
@pytest.mark.parametrize(
    ("before", "now", "left"),
    [
        ("launch patient/*.rs", "launch patient/*.rs", "launch patient/*.rs"),
        ("patient/*.read", "patient/*.rs", "patient/*.read"),
        ("launch openid patient/*.rs", "patient/*.rs", "patient/*.rs"),
        ("patient/A.rs patient/B.rs", "patient/B.rs", "patient/B.rs"),
        ("patient/*.rs", "patient/A.r", "patient/A.r"),
        # More than the launch had, in type, verb, level, restriction or kind: not used.
        ("patient/A.r", "patient/*.cruds", "patient/A.r"),
        ("patient/A.r", "patient/A.r user/A.r system/*.rs offline_access", "patient/A.r"),
        ("patient/A.rs?category=x", "patient/A.rs", "patient/A.rs?category=x"),
        ("patient/A.rs", "patient/A.rs?category=x", "patient/A.rs?category=x"),
        ("patient/A.rs", "patient/A.sr patient/.. <b>", ""),
    ],
)
def test_a_refresh_may_take_away_and_what_it_adds_is_not_used(
    before: str, now: str, left: str
) -> None:
    assert narrowed(before, now) == left


@requirement("smart:scopes:granted", "attack-21")
def test_what_is_required_may_be_granted_in_either_syntax() -> None:
    required = ["launch", "patient/Patient.r", "patient/Condition.rs"]
    assert missing_scopes(required, "patient/*.read") == []
    assert missing_scopes(required, "patient/Patient.rs") == ["patient/Condition"]
