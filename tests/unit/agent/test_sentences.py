import pytest

from app.agent.sentences import end_of_sentence


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two", "One. "), ("5.6 is high. Next", "5.6 is high. "), ("Dr. Smith came. Next", "Dr. Smith came. "), ("T. Smith came. Next", "T. Smith came. "),
        ("34 mL/min/1.73 m². Next", "34 mL/min/1.73 m². "), ("5.6 mmol/L. Next", "5.6 mmol/L. "), ("line\nTwo. Three", "line\n"), ("“One. Two.” Next", "“One. Two.” "),
        ("“One. Two.” and more. Next", "“One. Two.” and more. "), ("*One. Two.*\nNext", "*One. Two.*\n"), ("One.\ufffc Next", "One.\ufffc "), ("One.\nTwo", "One.\n"),
        ("Really?! Yes", "Really?! "), ("(e.g. this one) ends. Next", "(e.g. this one) ends. "),
    ],
)  # fmt: skip
def test_the_first_sentence_ends_where_it_ends(text: str, first: str) -> None:
    end = end_of_sentence(text)
    assert end is not None
    assert text[:end] == first


@pytest.mark.parametrize(
    "text", ["One", "One.", "One. ", "5.", "One.\ufffc", "One.\ufffc ", "*One. Two.", "“One. Two"]
)
def test_it_waits_while_more_may_belong_to_it(text: str) -> None:
    assert end_of_sentence(text) is None
