"""Shortcuts and the oracle become a scoreboard on several data sets.

The shortcuts are fitted to the examples that a model learns from, and scored where a
model is scored. What a trained model adds is what stands above the best of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opensoc_env.defenders import OracleDefender
from opensoc_env.match import answer_all
from opensoc_env.metrics import score
from opensoc_train.shortcuts import shortcuts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_env.judge import Judge
    from opensoc_env.metrics import Score
    from opensoc_train.data import DataSet, Progress

ORACLE = "verifier_oracle"


@dataclass(frozen=True, slots=True)
class Board:
    """How each shortcut, and last the oracle, did on one data set."""

    data: DataSet
    scores: tuple[Score, ...]

    @property
    def best(self) -> Score:
        """The shortcut with the highest macro-F1."""
        return max(self.scores[:-1], key=lambda item: item.macro_f1)

    def to_json(self) -> dict[str, Any]:
        """The board as JSON values."""
        return {
            "data": self.data.name,
            "data_digest": self.data.digest,
            "policy_digest": self.data.policy_digest,
            "scores": [item.to_json() for item in self.scores],
        }


def scoreboards(
    learnt: DataSet,
    data: Sequence[DataSet],
    judge: Judge,
    *,
    rubric: str = "defender.v2",
    progress: Progress | None = None,
) -> list[Board]:
    """A board for each data set.

    Args:
        learnt: What the shortcuts are fitted to.
        data: Where they are scored.
        judge: Grades the answers.
        rubric: The policy that grades.
        progress: Called with the number of scores done and in all.

    Raises:
        InputError: scikit-learn is not installed, or there is no such rubric.
    """
    fitted = shortcuts_of([example.dealt for example in learnt.examples])
    defenders = (*fitted, OracleDefender(ORACLE, judge))
    boards: list[Board] = []
    for number, item in enumerate(data):
        deals = [example.dealt for example in item.examples]
        scores: list[Score] = []
        for defender in defenders:
            outcomes = answer_all(defender, deals, judge=judge, rubric=rubric)
            scores.append(score(outcomes, defender.name))
            if progress:
                done = number * len(defenders) + len(scores)
                progress(done, len(data) * len(defenders))
        boards.append(Board(item, tuple(scores)))
    return boards
