from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensoc_env.telemetry.share import Share


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_the_one_that_wilson_published(
    part: int, whole: int, low: float, high: float
) -> None:
    assert Share(part, whole).interval == pytest.approx((low, high), abs=1e-4)


def test_a_share_of_nothing_may_be_anything() -> None:
    assert Share(0, 0).value == 0
    assert Share(0, 0).interval == (0, 1)


@given(
    st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
)
def test_the_share_lies_in_its_interval(counts: tuple[int, int]) -> None:
    share = Share(*counts)
    low, high = share.interval

    assert 0 <= low <= share.value + 1e-12
    assert share.value - 1e-12 <= high <= 1
