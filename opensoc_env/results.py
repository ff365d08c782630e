"""Decisions become the result of an episode: when it ends, and when it is judged again.

One place makes results, so that a saved episode which the same policies judge again
comes out the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opensoc_env.incident import place
from opensoc_env.judge import (
    ATTACKER_RUBRIC,
    DEFENDER_RUBRIC,
    action_of,
    fired_rules,
    reward_of,
    terms_of,
    violations_of,
)
from opensoc_env.models import EpisodeResult, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_engine import Decision, Problem
    from opensoc_env.judge import Judge
    from opensoc_env.models import SubmitTriage


class Rubrics(NamedTuple):
    """What the two sides are graded by."""

    defender: str = DEFENDER_RUBRIC
    attacker: str = ATTACKER_RUBRIC


class Crafted(NamedTuple):
    """What is known of an incident that an attacker crafted.

    Attributes:
        novelty: Of its pattern, from 0 to 1; 0 if the incident is implausible.
    """

    plausibility: Decision
    novelty: float


def triage_result(
    judge: Judge,
    rubrics: Rubrics,
    truth: Decision,
    answer: SubmitTriage | None,
    crafted: Crafted | None,
) -> EpisodeResult:
    """The result of an episode that a defender ended.

    Args:
        judge: Whose rubrics grade.
        rubrics: Which of them.
        truth: Of the incident that was triaged.
        answer: None if it could not be read.
        crafted: None if the generator made the incident.
    """
    grade = judge.grade_defender(truth, answer, rubrics.defender)
    objections = violations_of(crafted.plausibility) if crafted else []
    paid = _attacker_grade(judge, rubrics, truth, answer, crafted)
    return EpisodeResult(
        truth_action=action_of(truth),
        fired=fired_rules(truth),
        answer=answer,
        reward=reward_of(grade),
        terms=terms_of(grade),
        plausible=not objections if crafted else None,
        violations=objections,
        attacker_reward=None if paid is None else reward_of(paid),
        attacker_terms=[] if paid is None else terms_of(paid),
        policy_digest=judge.digest,
    )


def refusal_result(
    judge: Judge, rubrics: Rubrics, problems: Sequence[Problem]
) -> EpisodeResult:
    """The result of an episode whose crafted incident does not fit the schema."""
    grade = judge.grade_attacker(
        schema_valid=False,
        plausible=False,
        defender_correct=False,
        novelty=0.0,
        rubric=rubrics.attacker,
    )
    return EpisodeResult(
        truth_action="dismiss",
        fired=[],
        answer=None,
        reward=None,
        terms=[],
        plausible=False,
        violations=[_violation(problem) for problem in problems],
        attacker_reward=reward_of(grade),
        attacker_terms=terms_of(grade),
        policy_digest=judge.digest,
    )


def _attacker_grade(
    judge: Judge,
    rubrics: Rubrics,
    truth: Decision,
    answer: SubmitTriage | None,
    crafted: Crafted | None,
) -> Decision | None:
    """The attacker's grade; None if nobody crafted the incident."""
    if crafted is None:
        return None
    return judge.grade_attacker(
        schema_valid=True,
        plausible=not crafted.plausibility.findings,
        defender_correct=answer is not None and answer.action == truth.outcome,
        novelty=crafted.novelty,
        rubric=rubrics.attacker,
    )


def _violation(problem: Problem) -> Violation:
    message = problem.message
    if problem.expected:
        message += f"; expected {problem.expected}"
    return Violation(rule="schema", message=message, field=place(problem.path))
