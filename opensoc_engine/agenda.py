"""Which bodies of rules to ask about a document, strongest outcome first.

What buckets have elements says it. Most documents have elements in the same buckets as
one before, so the answers are remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opensoc_engine.codegen.generated import BodyFunction, GeneratedSet

# Bodies, each with the outcome of its rule; and the outcome if none is fulfilled, where
# that is known, because a weaker rule fires in any case.
Tests: TypeAlias = "tuple[tuple[tuple[BodyFunction, str], ...], str | None]"

# Answers that are remembered; bounds what hostile documents can fill.
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class _Body:
    """A body of a rule.

    Attributes:
        mask: The bits of the buckets that it needs.
        least: How many elements it needs.
        is_certain: True if it is fulfilled once it has what it needs.
    """

    rule: int
    test: BodyFunction
    mask: int
    least: int
    is_certain: bool


class Agenda:
    """Says what to ask about documents.

    Attributes:
        tests: Given the bits of the buckets that have elements, and the number of
            elements, the bodies to ask in turn for the strongest outcome.
        rules: Given the same, the rules to ask.
    """

    def __init__(
        self, code: GeneratedSet, outcomes: Sequence[str], order: Sequence[str]
    ) -> None:
        strength = {outcome: at for at, outcome in enumerate(order)}
        ranks = [strength.get(outcome, 0) for outcome in outcomes]
        ranked = sorted(range(len(ranks)), key=lambda at: (ranks[at], at))
        self._outcomes = outcomes
        self._bodies = [body for at in ranked for body in _bodies(code, at)]
        self._by_bit: dict[int, list[int]] = {}
        for place, body in enumerate(self._bodies):
            self._by_bit.setdefault(body.mask.bit_length(), []).append(place)
        self.tests = lru_cache(_REMEMBERED)(self._tests)
        self.rules = lru_cache(_REMEMBERED)(self._rules)

    def _tests(self, buckets: int, number: int) -> Tests:
        found: list[tuple[BodyFunction, str]] = []
        for body in self._asked(buckets, number):
            outcome = self._outcomes[body.rule]
            if body.is_certain:
                return tuple(found), outcome
            found.append((body.test, outcome))
        return tuple(found), None

    def _rules(self, buckets: int, number: int) -> tuple[int, ...]:
        return tuple(dict.fromkeys(b.rule for b in self._asked(buckets, number)))

    def _asked(self, buckets: int, number: int) -> Iterator[_Body]:
        """The bodies that have what they need; each stands at its highest bit."""
        places = list(self._by_bit.get(0, ()))
        left = buckets
        while left:
            places += self._by_bit.get(left.bit_length(), ())
            left ^= 1 << left.bit_length() - 1
        for place in sorted(places):
            body = self._bodies[place]
            if buckets & body.mask == body.mask and number >= body.least:
                yield body


def _bodies(code: GeneratedSet, rule: int) -> Iterator[_Body]:
    certain = code.plan.certain[rule]
    pairs = zip(code.plan.needs[rule], code.bodies[rule], strict=True)
    for at, (need, test) in enumerate(pairs):
        mask = sum(1 << bucket for bucket, _ in need)
        least = max((number for _, number in need), default=0)
        yield _Body(rule, test, mask, least, at in certain)
