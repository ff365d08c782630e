"""A short hunt for each law; `make fuzz` is the long one."""

from __future__ import annotations

from typing import Any

import pytest
from hunting.book import Law, laws_of
from hunting.compared import values_of_fields
from hunting.constants import numbers
from hunting.laws import self_contained
from hypothesis import given, settings

from opensoc_env.judge import ATTACKER_RUBRIC, DEFENDER_RUBRIC

LAWS = laws_of(DEFENDER_RUBRIC, ATTACKER_RUBRIC)
CI = settings.get_profile("hunt-ci")
# Of the 40 examples of a law. A law of which none tells holds whatever rules say.
LEAST = 5


@pytest.fixture(scope="module", autouse=True)
def read_policies() -> None:
    """Reading them takes longer than hunting one law."""
    values_of_fields()
    numbers()
    self_contained()


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_no_incident_breaks_the_law(law: Law) -> None:
    told: list[bool] = []

    @CI
    @given(law.drawn)
    def hunted(drawn: Any) -> None:
        law.check(drawn)
        told.append(law.tells(drawn))

    hunted()

    assert sum(told) >= LEAST, f"{sum(told)} of {len(told)} examples tell anything"
