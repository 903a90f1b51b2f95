"""What a provider sends is read without trusting its shape."""

import pytest

from app.llm.fields import MOST, number


@pytest.mark.parametrize(
    ("sent", "read"),
    [(7, 7), (-7, 0), (True, 0), ("7", 0), (None, 0), (1.5, 0), (10**30, MOST), (2**64, MOST)],
)
def test_a_count_of_tokens_is_one_that_the_audit_can_write(sent: object, read: int) -> None:
    """The audit writes 64 bits: a provider's nonsense must not leave a call without its entry."""
    assert number({"usage": sent}, "usage") == read
