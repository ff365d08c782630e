"""Fresh seeds become data sets that nobody has looked at, and shortcuts meet them.

The committed sets are looked at whenever something is tuned, so a limit that they keep
may be one that was fitted to them. Here everything is drawn anew: what the shortcuts
learn from, the hold-out and the flip pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opensoc_env.datasets import FLIPS, HOLDOUT, SFT, select_all
from opensoc_train.data import label_rows
from opensoc_train.scoreboard import scoreboards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_env.datasets import Plan
    from opensoc_env.judge import Judge
    from opensoc_train.scoreboard import Board

START = 1_000
"""Plans have seeds below this, counted from where each begins."""

PLANS = (SFT, HOLDOUT, FLIPS)


@dataclass(frozen=True, slots=True)
class Round:
    """How shortcuts did on sets of a fresh seed."""

    number: int
    holdout: Board
    flips: Board

    @property
    def best(self) -> float:
        """The macro-F1 of the best shortcut on the hold-out."""
        return float(self.holdout.best.macro_f1)

    @property
    def pairs(self) -> float:
        """The share of flip pairs that the best shortcut at these has right."""
        return max(float(item.pair_accuracy) for item in self.flips.scores[:-1])


def fresh_rounds(
    count: int, judge: Judge, *, rubric: str = "defender.v2"
) -> Iterator[Round]:
    """Rounds of fresh seeds, always the same ones.

    Raises:
        InputError: scikit-learn is not installed.
    """
    for number in range(count):
        plans = [fresh(plan, number) for plan in PLANS]
        rows = select_all(plans, judge)
        learnt, *data = (label_rows(name, rows[name], judge) for name in rows)
        yield Round(number, *scoreboards(learnt, data, judge, rubric=rubric))


def fresh(plan: Plan, number: int) -> Plan:
    """A plan with another seed, by its number."""
    return replace(plan, seed=plan.seed + START * (number + 1))
