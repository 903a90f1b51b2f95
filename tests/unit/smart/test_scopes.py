from app.launch_context import Grant
from app.smart.scopes import parse_scopes
from tests.requirements import requirement


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


def test_write_and_star_of_the_first_version_expand() -> None:
    (write, everything) = parse_scopes("patient/Task.write patient/Task.*")
    assert (write.verbs, everything.verbs) == (frozenset("cud"), frozenset("cruds"))
