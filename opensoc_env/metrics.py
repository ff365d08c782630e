"""Outcomes of triage become rates with bootstrap intervals.

An interval is the range of the middle 95 % of a rate over resamples of the outcomes,
drawn from a seed, so the same outcomes give the same numbers. The members of a flip
pair are drawn together. A rate that has nothing to count, such as over-reactions where
no incident was benign, is not a number.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields
from operator import mul
from random import Random
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from opensoc_env.models import ACTIONS, Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

RESAMPLES = 1_000
_COVERAGE = 0.95
CONTAINMENT: frozenset[Action] = frozenset({"quarantine_host", "block_ip"})
_GRAVE = CONTAINMENT | {"escalate"}
_LAX: frozenset[Action | None] = frozenset({"dismiss", "monitor"})
UNREADABLE = "unreadable"
MIN_CATEGORY = 5
"""Fewer incidents of a category than this say nothing of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer beside the truth.

    Attributes:
        answer: None if it could not be read.
        cited_ok: True if a cited line is proof of the truth.
        reward: The defender's.
        value: What the action alone is worth, whatever was cited.
        evidence: F1 of the cited lines over the nearest minimal proof; None if there is
            nothing to prove.
        proved: True if a whole minimal proof was cited, or there is nothing to prove.
        category: What kind of incident it was made as.
        pair: Names the pair that it belongs to; empty for none.
    """

    truth: Action
    answer: Action | None
    cited_ok: bool
    reward: float
    value: float = 0.0
    evidence: float | None = None
    proved: bool = False
    category: str = ""
    pair: str = ""

    @property
    def is_right(self) -> bool:
        """True if the action was right."""
        return self.answer == self.truth


class Rate(float):
    """A number with its 95 % bootstrap interval."""

    low: float
    high: float

    def __new__(cls, value: float, low: float, high: float) -> Self:
        """The number `value`, which lies between `low` and `high` or is not one."""
        rate = super().__new__(cls, value)
        rate.low = low
        rate.high = high
        return rate

    def __getnewargs__(self) -> tuple[float, float, float]:  # type: ignore[override]
        return float(self), self.low, self.high

    def to_json(self) -> dict[str, float | None]:
        """Value and interval; None stands for not a number."""
        parts = {"value": float(self), "low": self.low, "high": self.high}
        return {k: None if math.isnan(v) else round(v, 6) for k, v in parts.items()}


@dataclass(frozen=True, slots=True)
class Score:
    """How good one defender was.

    Attributes:
        accuracy: Share of right actions.
        macro_f1: Mean F1 over the actions that occur as truth or answer.
        cost_weighted: Mean worth of the actions alone.
        miss_rate: Share of incidents to contain or escalate that were only watched or
            dismissed.
        dismiss_on_malicious: Share of incidents that needed action but were dismissed.
        over_react: Share of benign incidents that were contained (quarantine, block).
        escalate_on_benign: Share of benign incidents that were escalated.
        wrong_containment: Share of incidents to contain that got the other containment.
        mean_reward: Mean reward of the defender.
        format_ok: Share of answers that could be read.
        citation: Share of incidents that needed action with a cited line as proof.
        evidence_f1: Mean F1 of cited lines over the nearest minimal proof.
        gated: Share of right actions with a whole minimal proof cited; an action that
            needs none is right alone.
        pair_accuracy: Share of pairs of which both members are right: pairs that one
            fact tells apart, or that decoys alone tell apart.
        worst_category: Accuracy on the category that went worst.
        by_category: Accuracy by category.
        confusion: Counts by truth, then by answer or `unreadable`.
    """

    name: str
    n: int
    accuracy: Rate
    macro_f1: Rate
    cost_weighted: Rate
    miss_rate: Rate
    dismiss_on_malicious: Rate
    over_react: Rate
    escalate_on_benign: Rate
    wrong_containment: Rate
    mean_reward: Rate
    format_ok: Rate
    citation: Rate
    evidence_f1: Rate
    gated: Rate
    pair_accuracy: Rate
    worst_category: Rate
    by_category: Mapping[str, float]
    confusion: Mapping[str, Mapping[str, int]]

    def to_json(self) -> dict[str, Any]:
        """The score as JSON values."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            key: value.to_json() if isinstance(value, Rate) else value
            for key, value in values.items()
        }


# What is drawn together: one outcome, or the two of a pair.
Unit: TypeAlias = tuple[Outcome, ...]
# How often each different unit is there.
Counts: TypeAlias = "Sequence[int]"
Measure: TypeAlias = "Callable[[Counts], float]"


def score(outcomes: Sequence[Outcome], name: str, seed: int = 0) -> Score:
    """The score of a defender's outcomes; `seed` is that of the resamples."""
    drawn_from = Counter(_units(outcomes))
    kinds, whole = list(drawn_from), list(drawn_from.values())
    resamples = _resample(whole, seed)
    rates = {
        key: _rate(measure(kinds), whole, resamples)
        for key, measure in _MEASURES.items()
    }
    return Score(
        name=name,
        n=len(outcomes),
        by_category=_by_category(outcomes),
        confusion=confusion_of(outcomes),
        **rates,
    )


def confusion_of(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Counts by truth, then by answer; all actions are there."""
    columns = (*ACTIONS, UNREADABLE)
    table = {truth: dict.fromkeys(columns, 0) for truth in ACTIONS}
    for outcome in outcomes:
        table[outcome.truth][outcome.answer or UNREADABLE] += 1
    return {truth: dict(row) for truth, row in table.items()}


def _units(outcomes: Iterable[Outcome]) -> list[Unit]:
    """Pairs as one, all others alone; the name of a pair does not make it another."""
    pairs: dict[str, list[Outcome]] = {}
    for at, outcome in enumerate(outcomes):
        pairs.setdefault(outcome.pair or f"#{at}", []).append(outcome)
    return [tuple(_anonymous(outcome) for outcome in unit) for unit in pairs.values()]


def _anonymous(outcome: Outcome) -> Outcome:
    if not outcome.pair:
        return outcome
    values = {item.name: getattr(outcome, item.name) for item in fields(outcome)}
    return Outcome(**(values | {"pair": "pair"}))


def _by_category(outcomes: Iterable[Outcome]) -> dict[str, float]:
    seen: dict[str, list[bool]] = {}
    for outcome in outcomes:
        seen.setdefault(outcome.category, []).append(outcome.is_right)
    return {name: sum(seen[name]) / len(seen[name]) for name in sorted(seen) if name}


def _resample(whole: Counts, seed: int) -> list[Counts]:
    """How often each kind of unit is there, in units drawn with replacement."""
    drawn_from = [kind for kind, n in enumerate(whole) for _ in range(n)]
    if not drawn_from:
        return []
    draws = Random(seed)  # noqa: S311 - nothing secret is drawn
    resamples: list[Counts] = []
    for _ in range(RESAMPLES):
        counts = Counter(draws.choices(drawn_from, k=len(drawn_from)))
        resamples.append([counts[kind] for kind in range(len(whole))])
    return resamples


def _rate(measure: Measure, whole: Counts, resamples: Sequence[Counts]) -> Rate:
    value = measure(whole)
    if math.isnan(value):
        return Rate(value, math.nan, math.nan)
    values = sorted(v for v in map(measure, resamples) if not math.isnan(v))
    edge = (1 - _COVERAGE) / 2
    low = values[math.floor(edge * (len(values) - 1))]
    high = values[math.ceil((1 - edge) * (len(values) - 1))]
    return Rate(value, low, high)


def _mean(
    kinds: Sequence[Unit],
    worth: Callable[[Outcome], float],
    among: Callable[[Outcome], bool] = lambda _: True,
) -> Measure:
    """The mean of what outcomes are worth, among some of them."""
    members = [[outcome for outcome in unit if among(outcome)] for unit in kinds]
    return _ratio([sum(map(worth, unit)) for unit in members], list(map(len, members)))


def _ratio(above: Sequence[float], below: Sequence[float]) -> Measure:
    """A sum over units by another; not a number if that is 0."""

    def measure(counts: Counts) -> float:
        total = sum(map(mul, counts, below))
        return sum(map(mul, counts, above)) / total if total else math.nan

    return measure


def _macro_f1(kinds: Sequence[Unit]) -> Measure:
    """Mean F1; an action that is neither truth nor answer has none."""
    scores = [_f1(kinds, action) for action in ACTIONS]

    def measure(counts: Counts) -> float:
        found = [v for v in (score(counts) for score in scores) if not math.isnan(v)]
        return math.fsum(found) / len(found) if found else math.nan

    return measure


def _f1(kinds: Sequence[Unit], action: Action) -> Measure:
    def named(outcome: Outcome) -> int:
        return (outcome.truth == action) + (outcome.answer == action)

    hits = [2.0 * sum(named(o) == 2 for o in unit) for unit in kinds]  # noqa: PLR2004
    return _ratio(hits, [sum(map(named, unit)) for unit in kinds])


def _pairs(kinds: Sequence[Unit]) -> Measure:
    """Only a pair of which both members are there counts."""
    full = [len(unit) > 1 for unit in kinds]
    right = [all(outcome.is_right for outcome in unit) for unit in kinds]
    return _ratio([a and b for a, b in zip(full, right, strict=True)], full)


def _worst(kinds: Sequence[Unit]) -> Measure:
    """The least accuracy of a category that has enough incidents."""
    categories = sorted({o.category for unit in kinds for o in unit if o.category})
    parts = [_category(kinds, name) for name in categories]

    def measure(counts: Counts) -> float:
        found = [part(counts) for part in parts]
        return min((v for v in found if not math.isnan(v)), default=math.nan)

    return measure


def _category(kinds: Sequence[Unit], name: str) -> Measure:
    """Accuracy on one category; not a number if it has too few incidents."""
    members = [
        (at, sum(o.is_right for o in unit if o.category == name), size)
        for at, unit in enumerate(kinds)
        if (size := sum(o.category == name for o in unit))
    ]

    def measure(counts: Counts) -> float:
        total = sum(counts[at] * size for at, _, size in members)
        if total < MIN_CATEGORY:
            return math.nan
        return sum(counts[at] * right for at, right, _ in members) / total

    return measure


def _is_malicious(outcome: Outcome) -> bool:
    return outcome.truth != "dismiss"


def _is_benign(outcome: Outcome) -> bool:
    return outcome.truth == "dismiss"


def _is_grave(outcome: Outcome) -> bool:
    return outcome.truth in _GRAVE


def _is_contained(outcome: Outcome) -> bool:
    return outcome.truth in CONTAINMENT


def _is_proved(outcome: Outcome) -> bool:
    return outcome.evidence is not None


_MEASURES: Mapping[str, Callable[[Sequence[Unit]], Measure]] = {
    "accuracy": lambda kinds: _mean(kinds, lambda o: o.is_right),
    "macro_f1": _macro_f1,
    "cost_weighted": lambda kinds: _mean(kinds, lambda o: o.value),
    "miss_rate": lambda kinds: _mean(kinds, lambda o: o.answer in _LAX, _is_grave),
    "dismiss_on_malicious": lambda kinds: _mean(
        kinds, lambda o: o.answer == "dismiss", _is_malicious
    ),
    "over_react": lambda kinds: _mean(
        kinds, lambda o: o.answer in CONTAINMENT, _is_benign
    ),
    "escalate_on_benign": lambda kinds: _mean(
        kinds, lambda o: o.answer == "escalate", _is_benign
    ),
    "wrong_containment": lambda kinds: _mean(
        kinds, lambda o: not o.is_right and o.answer in CONTAINMENT, _is_contained
    ),
    "mean_reward": lambda kinds: _mean(kinds, lambda o: o.reward),
    "format_ok": lambda kinds: _mean(kinds, lambda o: o.answer is not None),
    "citation": lambda kinds: _mean(kinds, lambda o: o.cited_ok, _is_malicious),
    "evidence_f1": lambda kinds: _mean(kinds, lambda o: o.evidence or 0.0, _is_proved),
    "gated": lambda kinds: _mean(kinds, lambda o: o.is_right and o.proved),
    "pair_accuracy": _pairs,
    "worst_category": _worst,
}
