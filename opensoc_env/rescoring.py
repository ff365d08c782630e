"""A saved episode is judged again, by other policies or another rubric.

No answer is made again: what was said stands, and what it is worth is worked out anew
by the code that ends an episode. So the policies that judged an episode first give the
same result again, and a change of a rule shows what it would have changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine import OpenSocError
from opensoc_env.incident import IncidentError, craft_incident, normalise_incident
from opensoc_env.results import Crafted, Rubrics, refusal_result, triage_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_env.finished import FinishedEpisode
    from opensoc_env.judge import Judge
    from opensoc_env.models import EpisodeResult


class RescoreError(OpenSocError):
    """An episode that can't be judged again; the text says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a result that came out otherwise, in words."""

    part: str
    before: str
    after: str


def rescore(
    episode: FinishedEpisode,
    judge: Judge,
    *,
    defender_rubric: str | None = None,
    attacker_rubric: str | None = None,
) -> EpisodeResult:
    """The result that an episode has by a judge.

    Args:
        episode: What was asked and answered.
        judge: Judges it now.
        defender_rubric: The episode's own by default.
        attacker_rubric: Likewise.

    Raises:
        InputError: There is no such rubric.
        RescoreError: What was judged then does not exist by today's schemas.
    """
    rubrics = Rubrics(
        defender_rubric or episode.defender_rubric,
        attacker_rubric or episode.attacker_rubric,
    )
    judge.require_rubrics(*rubrics)
    if not episode.answered:
        return _refuse_again(episode, judge, rubrics)
    try:
        incident = normalise_incident(episode.incident)
    except IncidentError as error:
        raise RescoreError(f"its incident fits no more: {error}") from None
    crafted = None
    if episode.result.plausible is not None:
        plausibility = judge.check_plausible(incident)
        worth = 0.0 if plausibility.findings else episode.novelty
        crafted = Crafted(plausibility, worth)
    truth = judge.truth(incident)
    return triage_result(judge, rubrics, truth, episode.answer, crafted)


def changes(before: EpisodeResult, after: EpisodeResult) -> list[Change]:
    """What differs between two results of one episode, the gravest first."""
    return [change for change in _compared(before, after) if _differs(change)]


def _refuse_again(
    episode: FinishedEpisode, judge: Judge, rubrics: Rubrics
) -> EpisodeResult:
    try:
        craft_incident(episode.crafted, episode.incident["context"])
    except IncidentError as error:
        return refusal_result(judge, rubrics, error.problems)
    raise RescoreError(
        "the incident that was refused fits today's schema, and nobody has answered it"
    )


def _compared(before: EpisodeResult, after: EpisodeResult) -> Iterator[Change]:
    yield Change("right action", before.truth_action, after.truth_action)
    yield Change("plausible", _said(before.plausible), _said(after.plausible))
    yield Change("rules", _rules(before), _rules(after))
    yield Change("violations", _objections(before), _objections(after))
    yield Change("reward", _said(before.reward), _said(after.reward))
    yield Change(
        "attacker's reward", _said(before.attacker_reward), _said(after.attacker_reward)
    )


def _differs(change: Change) -> bool:
    return change.before != change.after


def _rules(result: EpisodeResult) -> str:
    return ", ".join(fired.rule for fired in result.fired) or "none"


def _objections(result: EpisodeResult) -> str:
    return ", ".join(dict.fromkeys(v.rule for v in result.violations)) or "none"


def _said(value: bool | float | None) -> str:
    if value is None:
        return "none"
    return f"{value:+.3f}" if isinstance(value, float) else "yes" if value else "no"
