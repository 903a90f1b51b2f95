import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings import Secret
from app.store.seal import Seal, SealBroken
from tests.requirements import requirement

KEY = Secret(b"k" * 32)


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(-(2**63), 2**63), st.none())))
def test_what_is_sealed_opens_in_its_place(value: dict[str, object]) -> None:
    seal = Seal(KEY, "session")
    assert seal.open(seal.close(value, "session:1"), "session:1") == value


@requirement("chartside:session:sealed")
@pytest.mark.parametrize("place", ["session:2", "token:1", ""])
def test_bytes_moved_to_another_row_do_not_open(place: str) -> None:
    seal = Seal(KEY, "session")
    with pytest.raises(SealBroken):
        seal.open(seal.close("value", "session:1"), place)


@requirement("chartside:session:sealed")
def test_any_changed_byte_is_noticed() -> None:
    seal = Seal(KEY, "session")
    sealed = seal.close({"patient": "a"}, "x")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(SealBroken):
            seal.open(changed, "x")


@requirement("chartside:session:sealed")
def test_a_pickle_is_never_read() -> None:
    with pytest.raises(SealBroken):
        Seal(KEY, "session").open(pickle.dumps({"a": 1}), "x")


def test_purposes_and_keys_do_not_mix() -> None:
    sealed = Seal(KEY, "session").close("value", "x")
    for other in (Seal(KEY, "token"), Seal(Secret(b"j" * 32), "session")):
        with pytest.raises(SealBroken):
            other.open(sealed, "x")
