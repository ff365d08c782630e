from __future__ import annotations

import pytest

from opensoc_engine.codegen.words import grouped


def test_words_stand_under_the_part_that_most_of_them_share() -> None:
    words = ("lsadump::sam", "lsadump::lsa", "sekurlsa::", "whoami")

    assert grouped(words) == {
        "::": ["lsadump::sam", "lsadump::lsa", "sekurlsa::"],
        "whoami": ["whoami"],
    }


def test_the_longest_of_the_parts_that_as_many_share_is_taken() -> None:
    assert list(grouped(("invoke-one", "invoke-two"))) == ["invoke-"]


@pytest.mark.parametrize("words", [("abc", "abd"), ("a-b", "c-d"), ()])
def test_short_and_common_parts_are_not_worth_a_search(words: tuple[str, ...]) -> None:
    assert grouped(words) == {word: [word] for word in words}


def test_a_word_that_is_part_of_another_stands_with_it() -> None:
    assert grouped(("rundll", "rundll32")) == {"rundll": ["rundll", "rundll32"]}


def test_more_words_than_can_be_compared_stay_alone() -> None:
    words = [f"word{number}" for number in range(100)]

    assert grouped(words) == {word: [word] for word in words}
