"""Two spellings of one number are the same number; two numbers never are."""

import pytest

from worker.whatsapp.numbers import same_number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("40712345678", "40712345678"),
        ("5511987654321", "551187654321"),
        ("5215512345678", "525512345678"),
        ("5491112345678", "541112345678"),
    ],
)
def test_spellings_of_one_number_are_the_same(one: str, other: str) -> None:
    assert same_number(one, other)
    assert same_number(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("40712345678", "40712345679"),
        ("5511987654321", "551187654322"),
        ("551187654321", "541187654321"),
        ("4919123456789", "49123456789"),
    ],
)
def test_other_numbers_are_not(one: str, other: str) -> None:
    assert not same_number(one, other)
