"""Defenders meet the same incidents, and each gets a score.

A match is a pure function of tasks, number of episodes, seed and policies: the
incidents are dealt round-robin over the tasks, and every defender answers every one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opensoc_engine import InputError
from opensoc_env.cut_offs import cut_offs_of
from opensoc_env.defenders import Defender, TriageItem
from opensoc_env.episode import episode_name
from opensoc_env.generator import generate
from opensoc_env.judge import (
    action_of,
    default_judge,
    evidence_f1,
    is_proved,
    proof_of,
    reward_of,
)
from opensoc_env.metrics import Outcome, Score, score
from opensoc_env.models import TASKS, SubmitTriage, TaskName
from opensoc_env.observation import observe

if TYPE_CHECKING:
    from opensoc_engine import Decision
    from opensoc_env.judge import Judge

Progress = Callable[[int, int], None]
# Answers that a defender is asked for at once, so that a model can batch them.
BATCH = 64


@dataclass(frozen=True, slots=True)
class Deal:
    """One incident with the truth about it.

    Attributes:
        pair: Names the pair that it belongs to; empty for none.
    """

    task: TaskName
    item: TriageItem
    truth: Decision
    pair: str = ""


@dataclass(frozen=True, slots=True)
class MatchResult:
    """The scores of a match, in the order of the defenders.

    Attributes:
        outcomes: What each defender did with each incident, by its name.
        digest: Names the policies that judged.
    """

    tasks: tuple[TaskName, ...]
    episodes: int
    seed: int
    digest: str
    scores: tuple[Score, ...]
    outcomes: Mapping[str, tuple[Outcome, ...]]

    def to_json(self) -> dict[str, Any]:
        """The match as JSON values, without the single outcomes."""
        return {
            "tasks": list(self.tasks),
            "episodes": self.episodes,
            "seed": self.seed,
            "policy_digest": self.digest,
            "scores": [item.to_json() for item in self.scores],
        }


def play(
    defenders: Sequence[Defender],
    *,
    tasks: Sequence[TaskName] = TASKS,
    episodes: int,
    seed: int,
    progress: Progress | None = None,
    judge: Judge | None = None,
) -> MatchResult:
    """Let every defender triage the same incidents.

    Args:
        defenders: Who plays, each under a name of its own.
        tasks: Where the incidents come from, in the order of dealing.
        episodes: How many incidents in all, dealt round-robin over the tasks.
        seed: Which incidents, and which resamples behind the intervals.
        progress: Called with steps done and steps in all.
        judge: The shipped policies by default.

    Raises:
        InputError: No task, no episode, or two defenders of one name.
    """
    names = [defender.name for defender in defenders]
    if not tasks or episodes < 1:
        raise InputError("a match needs at least one task and one episode")
    if len(set(names)) < len(names):
        raise InputError("two defenders have one name: the scores would be mixed up")
    judge = judge or default_judge()
    total = episodes * (1 + len(defenders))
    deals = []
    for at in range(episodes):
        task, index = tasks[at % len(tasks)], at // len(tasks)
        deals.append(deal(task, seed, index, judge=judge))
        _report(progress, at + 1, total)
    outcomes = {}
    for turn, defender in enumerate(defenders):
        later = _after(progress, episodes * (1 + turn), total)
        answered = answer_all(defender, deals, judge=judge, progress=later)
        outcomes[defender.name] = answered
    scores = tuple(score(outcomes[name], name, seed) for name in names)
    return MatchResult(tuple(tasks), episodes, seed, judge.digest, scores, outcomes)


def deal(task: TaskName, seed: int, index: int, *, judge: Judge) -> Deal:
    """The incident of a seed as a defender meets it."""
    incident = generate(task, seed, index, judge=judge)
    name = episode_name(task, "defender_only", seed, index)
    return deal_incident(incident, task=task, episode_id=name, judge=judge)


def deal_incident(
    incident: Mapping[str, Any],
    *,
    task: TaskName,
    episode_id: str,
    judge: Judge,
    styles: Mapping[str, str] | None = None,
    pair: str = "",
) -> Deal:
    """A normal incident, from wherever it comes, as a defender meets it."""
    view = observe(
        incident,
        episode_id=episode_id,
        task=task,
        mode="defender_only",
        cut_offs=cut_offs_of(judge.verifier),
        styles=styles,
    )
    return Deal(task, TriageItem(view, incident), judge.truth(incident), pair)


def answer_all(
    defender: Defender,
    deals: Sequence[Deal],
    *,
    judge: Judge,
    progress: Progress | None = None,
    rubric: str = "defender.v2",
) -> tuple[Outcome, ...]:
    """What a defender does with each incident.

    Raises:
        InputError: The defender gave too many or too few answers.
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(deals), BATCH):
        batch = deals[start : start + BATCH]
        answers = defender.answer([dealt.item for dealt in batch])
        if len(answers) != len(batch):
            raise InputError(
                f"defender `{defender.name}` gave {len(answers)} answers to "
                f"{len(batch)} alerts"
            )
        for dealt, answer in zip(batch, answers, strict=True):
            outcomes.append(outcome_of(dealt, answer, judge=judge, rubric=rubric))
        _report(progress, len(outcomes), len(deals))
    return tuple(outcomes)


def outcome_of(
    dealt: Deal,
    answer: SubmitTriage | None,
    *,
    judge: Judge,
    rubric: str = "defender.v2",
) -> Outcome:
    """One graded answer."""
    truth = dealt.truth
    cited = [] if answer is None else answer.cited_log_ids
    bare = None if answer is None else SubmitTriage(action=answer.action)
    return Outcome(
        truth=action_of(truth),
        answer=None if answer is None else answer.action,
        cited_ok=not set(cited).isdisjoint(proof_of(truth)),
        reward=reward_of(judge.grade_defender(truth, answer, rubric)),
        value=reward_of(judge.grade_defender(truth, bare, rubric)),
        evidence=evidence_f1(truth, cited),
        proved=is_proved(truth, cited),
        category=dealt.item.incident.get("category", ""),
        pair=dealt.pair,
    )


def _after(progress: Progress | None, start: int, total: int) -> Progress:
    """Progress of a part that begins when `start` steps of `total` are done."""
    return lambda done, _: _report(progress, start + done, total)


def _report(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)
