"""What a sentence states, where letters of other alphabets look like ours."""

from app.agent.claims import claims


def test_a_letter_that_a_pattern_takes_for_another_makes_no_status() -> None:
    assert claims("The order is İn progress.").statuses == ()
    assert [s.status for s in claims("The order is in progress.").statuses] == ["in-progress"]
