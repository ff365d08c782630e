"""The terms of the rubric policies as a tree of the `openenv` package's rubrics.

The tree computes nothing: it reads the terms that the policies gave an episode, so it
can't disagree with them. Names say the side and the term, such as
`defender.over_react`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openenv.core.rubrics import Rubric

from opensoc_env.judge import ATTACKER_RUBRIC, DEFENDER_RUBRIC

if TYPE_CHECKING:
    from opensoc_env.judge import Judge
    from opensoc_env.models import RewardTerm, Role


class TermRubric(Rubric):
    """One term of one side; 0 while the episode runs, or if the term was not paid."""

    def __init__(self, side: Role, rule: str) -> None:
        super().__init__()
        self.side = side
        self.rule = rule

    def forward(self, action: Any, observation: Any) -> float:  # noqa: ARG002 - openenv's
        """What the rule of this term paid."""
        terms = _terms(observation, self.side)
        return sum(term.value for term in terms if term.rule == self.rule)


class SideRubric(Rubric):
    """All terms of one side's policy, each as a child."""

    def __init__(self, judge: Judge, side: Role, policy: str) -> None:
        super().__init__()
        for name, rule in component_names(judge, policy).items():
            setattr(self, name, TermRubric(side, rule))

    def forward(self, action: Any, observation: Any) -> float:
        """The sum of the terms."""
        return float(sum(child(action, observation) for child in self.children()))


class EpisodeRubric(Rubric):
    """Both sides; the reward is that of the side whose view it is."""

    def __init__(
        self,
        judge: Judge,
        defender: str = DEFENDER_RUBRIC,
        attacker: str = ATTACKER_RUBRIC,
    ) -> None:
        super().__init__()
        self.defender = SideRubric(judge, "defender", defender)
        self.attacker = SideRubric(judge, "attacker", attacker)

    def forward(self, action: Any, observation: Any) -> float:
        """The reward that the observation brings; 0 while the episode runs."""
        for side in self.children():
            side(action, observation)
        return float(observation.reward or 0.0)

    def reset(self) -> None:
        """Forget the scores of the last episode."""
        for rubric in (self, *self.rubrics()):
            object.__setattr__(rubric, "last_score", None)


def component_names(judge: Judge, policy: str) -> dict[str, str]:
    """Names of the terms of a rubric policy, and the rules that stand behind them."""
    prefix = policy.replace(".", "-") + "-"
    return {
        rule.removeprefix(prefix).replace("-", "_"): rule
        for rule, info in judge.rubric.rules.items()
        if info.policy == policy
    }


def _terms(observation: Any, side: Role) -> list[RewardTerm]:
    result = observation.result
    if result is None:
        return []
    terms: list[RewardTerm] = (
        result.terms if side == "defender" else result.attacker_terms
    )
    return terms
