import pytest

from sandbox.scopes import Permission, grant, permission

ALL = Permission(categories=None)


@pytest.mark.parametrize(
    ("requested", "allowed", "granted"),
    [
        ("patient/Observation.rs", "patient/Observation.rs", "patient/Observation.rs"),
        ("patient/Observation.read", "patient/Observation.rs", "patient/Observation.read"),
        ("patient/Observation.cruds", "patient/Observation.rs", "patient/Observation.rs"),
        ("patient/Observation.*", "patient/Observation.rs", "patient/Observation.rs"),
        (
            "patient/*.rs",
            "patient/Patient.r patient/Binary.rs",
            "patient/Patient.r patient/Binary.rs",
        ),
        ("patient/*.read", "patient/*.rs", "patient/*.read"),
        ("patient/Observation.write", "patient/Observation.rs", ""),
        ("user/Observation.rs", "patient/Observation.rs", ""),
        ("patient/Observation.sr", "patient/Observation.rs", ""),
        ("patient/Observation.", "patient/Observation.rs", ""),
        ("patient/Observation.zzz foo", "patient/Observation.rs", ""),
        ("patient/Observation.rs?code=1", "patient/Observation.rs", ""),
        ("openid launch", "launch", "launch"),
        (
            "patient/Observation.rs?category=laboratory",
            "patient/Observation.rs",
            "patient/Observation.rs?category=laboratory",
        ),
        (
            "patient/Observation.rs",
            "patient/Observation.r?category=laboratory",
            "patient/Observation.r?category=laboratory",
        ),
        (
            "patient/Observation.rs?category=vital-signs",
            "patient/Observation.rs?category=laboratory",
            "",
        ),
    ],
)
def test_granted_scopes_are_the_requested_ones_that_are_allowed(
    requested: str, allowed: str, granted: str
) -> None:
    assert " ".join(grant(requested.split(), allowed.split())) == granted


@pytest.mark.parametrize(
    ("granted", "verb", "expected"),
    [
        ("patient/Observation.rs", "r", ALL),
        ("patient/Observation.read", "s", ALL),
        ("patient/*.read", "s", ALL),
        ("patient/Observation.r", "s", None),
        ("patient/Observation.write", "r", None),
        ("patient/Condition.rs", "r", None),
        ("launch openid", "r", None),
        (
            "patient/Observation.rs?category=laboratory",
            "s",
            Permission(categories=frozenset({"laboratory"})),
        ),
        ("patient/Observation.rs?category=laboratory patient/Observation.rs", "s", ALL),
    ],
)
def test_a_request_needs_a_scope_of_its_type_and_verb(
    granted: str, verb: str, expected: Permission | None
) -> None:
    assert verb in ("r", "s")
    assert permission(granted.split(), "Observation", "r" if verb == "r" else "s") == expected
