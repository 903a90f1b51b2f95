"""A sample of the mutated records of `bench/faults.py`: nothing that reads a chart crashes, and none is dropped silently."""

from app.fhir.source import Failed
from tests.hostile.mutations import Mutant, crashes, is_accounted_for, launched, mutants
from tests.hostile.server import chart_of

# Each mutant is read, shown, cited and exported; the tool calls are shared out among twelve of them.
SAMPLED, SEED, ONE_IN = 150, 20261120, 12


def test_no_mutated_record_crashes_a_reader_or_is_dropped_without_a_word() -> None:
    found = {
        (mutant.reference, mutant.done): said
        for at, mutant in enumerate(mutants(SEED, SAMPLED))
        if (said := crashes(mutant, one_in=ONE_IN, at=at))
    }
    assert found == {}


def test_a_record_that_vanished_would_be_noticed() -> None:
    """The check itself: a record that is neither shown nor counted is found."""
    original = chart_of("marlena")["Condition"][0]
    mutant = Mutant(chart="marlena", original=original, sent={**original, "code": 5}, done="")
    launch = launched(mutant)
    assert isinstance(launch.first_read().sections["problems"], Failed)
    assert is_accounted_for(launch, mutant)
    whole = launched(Mutant(chart="marlena", original=original, sent=original, done=""))
    whole.first_read().tables["P"].pop()
    assert not is_accounted_for(whole, mutant)
