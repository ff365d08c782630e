"""Outcomes of triage become rates with bootstrap intervals.

An interval is the range of the middle 95 % of a rate over resamples of the outcomes,
drawn from a seed, so the same outcomes give the same numbers. A rate that has nothing
to count, such as over-reactions where no incident was benign, is not a number.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields
from random import Random
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from opensoc_env.models import ACTIONS, Action

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RESAMPLES = 1_000
_COVERAGE = 0.95
CONTAINMENT: frozenset[Action] = frozenset({"quarantine_host", "block_ip"})
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer beside the truth.

    Attributes:
        answer: None if it could not be read.
        cited_ok: True if the cited line is proof of the truth.
        reward: The defender's.
    """

    truth: Action
    answer: Action | None
    cited_ok: bool
    reward: float


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
        dismiss_on_malicious: Share of incidents that needed action but were dismissed.
        over_react: Share of benign incidents that were contained (quarantine, block).
        mean_reward: Mean reward of the defender.
        format_ok: Share of answers that could be read.
        citation: Share of incidents that needed action whose cited line proves it.
        confusion: Counts by truth, then by answer or `unreadable`.
    """

    name: str
    n: int
    accuracy: Rate
    macro_f1: Rate
    dismiss_on_malicious: Rate
    over_react: Rate
    mean_reward: Rate
    format_ok: Rate
    citation: Rate
    confusion: Mapping[str, Mapping[str, int]]

    def to_json(self) -> dict[str, Any]:
        """The score as JSON values."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            key: value.to_json() if isinstance(value, Rate) else value
            for key, value in values.items()
        }


# Different outcomes, each with how often it came.
Counts: TypeAlias = "Sequence[tuple[Outcome, int]]"


def score(outcomes: Sequence[Outcome], name: str, seed: int = 0) -> Score:
    """The score of a defender's outcomes; `seed` is that of the resamples."""
    resamples = _resample(outcomes, seed)
    whole = list(Counter(outcomes).items())
    rates = {
        key: _rate(measure, whole, resamples) for key, measure in _MEASURES.items()
    }
    return Score(name=name, n=len(outcomes), confusion=confusion_of(outcomes), **rates)


def confusion_of(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Counts by truth, then by answer; all actions are there."""
    columns = (*ACTIONS, UNREADABLE)
    table = {truth: dict.fromkeys(columns, 0) for truth in ACTIONS}
    for outcome in outcomes:
        table[outcome.truth][outcome.answer or UNREADABLE] += 1
    return {truth: dict(row) for truth, row in table.items()}


def _resample(outcomes: Sequence[Outcome], seed: int) -> list[Counts]:
    """Outcomes drawn with replacement; equal ones are counted, which keeps it cheap."""
    kinds = list(dict.fromkeys(outcomes))
    number = {kind: at for at, kind in enumerate(kinds)}
    drawn_from = [number[outcome] for outcome in outcomes]
    if not drawn_from:
        return []
    draws = Random(seed)  # noqa: S311 - nothing secret is drawn
    resamples: list[Counts] = []
    for _ in range(RESAMPLES):
        counts = Counter(draws.choices(drawn_from, k=len(drawn_from)))
        resamples.append([(kinds[at], n) for at, n in counts.items()])
    return resamples


def _rate(
    measure: Callable[[Counts], float], whole: Counts, resamples: Sequence[Counts]
) -> Rate:
    values = sorted(v for v in map(measure, resamples) if not math.isnan(v))
    if not values:
        return Rate(measure(whole), math.nan, math.nan)
    edge = (1 - _COVERAGE) / 2
    low = values[math.floor(edge * (len(values) - 1))]
    high = values[math.ceil((1 - edge) * (len(values) - 1))]
    return Rate(measure(whole), low, high)


def _share(
    counts: Counts,
    hit: Callable[[Outcome], bool],
    among: Callable[[Outcome], bool] = lambda _: True,
) -> float:
    total = sum(n for outcome, n in counts if among(outcome))
    hits = sum(n for outcome, n in counts if among(outcome) and hit(outcome))
    return hits / total if total else math.nan


def _accuracy(counts: Counts) -> float:
    return _share(counts, lambda o: o.answer == o.truth)


def _format_ok(counts: Counts) -> float:
    return _share(counts, lambda o: o.answer is not None)


def _dismiss_on_malicious(counts: Counts) -> float:
    return _share(counts, lambda o: o.answer == "dismiss", _is_malicious)


def _over_react(counts: Counts) -> float:
    return _share(counts, lambda o: o.answer in CONTAINMENT, _is_benign)


def _citation(counts: Counts) -> float:
    return _share(counts, lambda o: o.cited_ok, _is_malicious)


def _is_malicious(outcome: Outcome) -> bool:
    return outcome.truth != "dismiss"


def _is_benign(outcome: Outcome) -> bool:
    return outcome.truth == "dismiss"


def _mean_reward(counts: Counts) -> float:
    total = sum(n for _, n in counts)
    gained = math.fsum(outcome.reward * n for outcome, n in counts)
    return gained / total if total else math.nan


def _macro_f1(counts: Counts) -> float:
    """Mean F1; an action that is neither truth nor answer has none."""
    hits: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for outcome, n in counts:
        seen[outcome.truth] += n
        if outcome.answer is not None:
            seen[outcome.answer] += n
        if outcome.answer == outcome.truth:
            hits[outcome.truth] += n
    if not seen:
        return math.nan
    return math.fsum(2 * hits[action] / seen[action] for action in seen) / len(seen)


_MEASURES: Mapping[str, Callable[[Counts], float]] = {
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "dismiss_on_malicious": _dismiss_on_malicious,
    "over_react": _over_react,
    "mean_reward": _mean_reward,
    "format_ok": _format_ok,
    "citation": _citation,
}
