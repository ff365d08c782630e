"""A share of a count, with the interval that the true share lies in (Wilson, 95 %)."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole`; a share of nothing may be anything."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The share, 0 to 1; 0 of nothing."""
        return self.part / self.whole if self.whole else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the Wilson interval at 95 %."""
        if not self.whole:
            return (0.0, 1.0)
        square = _Z * _Z / self.whole
        middle = self.value + square / 2
        spread = sqrt(square * (self.value * (1 - self.value) + square / 4))
        low, high = (middle - spread, middle + spread)
        return (max(0.0, low / (1 + square)), min(1.0, high / (1 + square)))

    def to_json(self) -> dict[str, float]:
        """The share as JSON values, rounded to four places."""
        low, high = self.interval
        return {
            "part": self.part,
            "whole": self.whole,
            "share": round(self.value, 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }
