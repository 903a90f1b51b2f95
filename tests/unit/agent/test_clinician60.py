"""Ten of the sixty questions of clinicians, typed without a language model (`bench/clinician60.py` asks them all)."""

import pytest

from tests.evals.clinician import paraphrases, questions
from tests.evals.clinician_answers import called, holds, typed

EVERY = {question.number: question for question in questions()}
ANSWERED = (4, 7, 9, 14, 25, 53, 57, 58)
DECLINED = (12, 18, 41)
REACHED = (6, 10, 13, 26)


def test_there_are_sixty_questions_of_seven_roles() -> None:
    assert list(EVERY) == list(range(1, 61))
    roles = list(dict.fromkeys(question.role for question in EVERY.values()))
    assert roles == ["hospitalist", "ED", "PCP", "oncology", "paediatrics", "pharmacy", "nursing"]


def test_a_flag_of_one_letter_is_held_as_a_word_only() -> None:
    assert holds("S", "Linezolid 2 µg/mL S")
    assert not holds("S", "Linezolid susceptibility 2 µg/mL R")


@pytest.mark.parametrize("number", ANSWERED)
def test_a_question_is_answered_with_every_fact_that_the_files_hold(number: int) -> None:
    judged = typed(EVERY[number])
    assert (judged.outcome, judged.why) == ("answered", "")


@pytest.mark.parametrize("number", DECLINED)
def test_what_cannot_be_known_here_is_declined_by_its_name(number: int) -> None:
    judged = typed(EVERY[number])
    assert (judged.outcome, judged.why) == ("declined", "")


@pytest.mark.parametrize("number", REACHED)
def test_the_right_tool_calls_reach_every_fact_with_a_handle(number: int) -> None:
    judged = called(EVERY[number])
    assert (judged.outcome, judged.why) == ("answered", "")


def test_a_code_status_is_answered_by_it_and_not_by_a_fall_risk() -> None:
    (asked,) = [question for question in paraphrases() if question.number == 101]
    judged = typed(asked)
    assert (judged.outcome, judged.why) == ("answered", "")
