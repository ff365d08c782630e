"""One incident of the hold-out becomes all that the page shows about it.

No Streamlit here: what is on the screen is computed from the incident, the two answers
and the policies as they are now.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from opensoc_app.panel import sides
from opensoc_env.cut_offs import cut_offs_of
from opensoc_env.datasets import HOLDOUT, read_rows
from opensoc_env.defenders import TriageItem
from opensoc_env.judge import default_judge, proof_of, reward_of
from opensoc_env.observation import observe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_app.panel import Answer, Side
    from opensoc_engine import RuleInfo
    from opensoc_env.models import Observation


SHOWN = (HOLDOUT.name,)
"""Splits whose verdicts the page shows: whoever plays beside it can't be asked them."""


@dataclass(frozen=True, slots=True)
class Graded:
    """An answer and what it is worth."""

    answer: Answer
    right: bool
    cited_proof: bool
    reward: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules decided.

    Attributes:
        rules: The rules that fired, strongest first; empty for a dismissal.
        proof: Log ids that prove the action.
    """

    action: str
    rules: tuple[RuleInfo, ...]
    proof: frozenset[str]
    digest: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """An incident with both answers and the verdict."""

    observation: Observation
    before: Graded
    after: Graded
    verdict: Verdict


@cache
def holdout() -> tuple[TriageItem, ...]:
    """The committed hold-out, as defenders see it."""
    return tuple(_item(row) for row in read_rows(HOLDOUT))


def _item(row: Mapping[str, Any]) -> TriageItem:
    observation = observe(
        row["incident"],
        episode_id=row["id"],
        task=row["task"],
        mode="defender_only",
        cut_offs=cut_offs_of(default_judge().verifier),
    )
    return TriageItem(observation, row["incident"])


# A step through the rows that mixes the stages, which the file has one after another.
_STRIDE = 37


def usable_sides() -> tuple[Side, ...]:
    """The sides that have an answer to the hold-out as it is now."""
    return tuple(side for side in sides() if any(map(side.knows, holdout())))


def sheet(number: int, before: Side, after: Side) -> Sheet | None:
    """The sheet of one of the incidents that both sides have answers to, if any.

    Args:
        number: Counted from 0; after the last row comes the first again.
        before: One side.
        after: The other side.
    """
    known = [item for item in holdout() if before.knows(item) and after.knows(item)]
    if not known:
        return None
    item = known[number * _STRIDE % len(known)]
    judge = default_judge()
    truth = judge.truth(item.incident)
    fired = tuple(judge.verifier.rule(finding.rule) for finding in truth.findings)
    verdict = Verdict(truth.outcome, fired, frozenset(proof_of(truth)), judge.digest)

    def grade(side: Side) -> Graded:
        answer = side.answer(item)
        said = answer.triage
        right = said is not None and said.action == truth.outcome
        cited = said is not None and said.cited_log_id in verdict.proof
        reward = reward_of(judge.grade_defender(truth, said))
        return Graded(answer, right, cited, reward)

    return Sheet(item.observation, grade(before), grade(after), verdict)


@dataclass(slots=True)
class Tally:
    """The running score of one side."""

    seen: int = 0
    right: int = 0
    missed: int = 0
    over_reacted: int = 0
    reward: float = 0.0

    def add(self, graded: Graded, truth: str) -> None:
        """Count one more incident."""
        said = graded.answer.triage
        action = said.action if said else None
        self.seen += 1
        self.right += graded.right
        self.missed += truth != "dismiss" and action == "dismiss"
        self.over_reacted += truth == "dismiss" and action in {
            "quarantine_host",
            "block_ip",
        }
        self.reward += graded.reward

    @property
    def mean_reward(self) -> float:
        """Mean reward of an incident; 0 before the first."""
        return self.reward / self.seen if self.seen else 0.0
