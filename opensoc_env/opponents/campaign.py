"""Attackers against one defender on the same incidents: how often each beats it.

Every turn goes through an episode, so what is counted is what the policies pay. The
novelty of an attacker's incidents counts over the whole campaign.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from opensoc_engine import InputError
from opensoc_env.episode import Episode
from opensoc_env.judge import default_judge
from opensoc_env.models import TASKS
from opensoc_env.novelty import Archive
from opensoc_env.opponents.attackers import TemplateAttacker
from opensoc_env.opponents.search import BUDGET, SearchAttacker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opensoc_env.defenders import Defender
    from opensoc_env.judge import Judge
    from opensoc_env.models import EpisodeResult, TaskName
    from opensoc_env.opponents.search import Hunt

    Progress = Callable[[int, int], None]

# Of a normal distribution, for an interval of 95 %.
_DEVIATIONS = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """How many of so many, with its 95 % interval (Wilson), which is never a point."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        """The share itself."""
        return self.hits / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The interval's ends.

        >>> [round(end, 3) for end in Share(10, 10).interval]
        [0.722, 1.0]
        """
        z = _DEVIATIONS**2 / self.n
        middle = (self.value + z / 2) / (1 + z)
        spread = sqrt(z * (self.value * (1 - self.value) + z / 4)) / (1 + z)
        # Where the share is an end itself, rounding must not pass it.
        return min(self.value, middle - spread), max(self.value, middle + spread)


@dataclass(frozen=True, slots=True)
class Bout:
    """One incident's seed, played by both attackers.

    Attributes:
        hunt: How the search went.
        template: What came of the generator's own incident.
        search: What came of the incident that the search crafted.
    """

    task: TaskName
    index: int
    hunt: Hunt
    template: EpisodeResult
    search: EpisodeResult


@dataclass(frozen=True, slots=True)
class Campaign:
    """All bouts against one defender.

    Attributes:
        budget: How many incidents one search could try.
        digest: Names the policies that judged.
    """

    defender: str
    tasks: tuple[TaskName, ...]
    seed: int
    budget: int
    digest: str
    bouts: tuple[Bout, ...]

    @property
    def results(self) -> dict[str, tuple[EpisodeResult, ...]]:
        """The results of each attacker, by its name."""
        return {
            "template": tuple(bout.template for bout in self.bouts),
            "search": tuple(bout.search for bout in self.bouts),
        }

    @property
    def tried(self) -> int:
        """How many incidents all searches made."""
        return sum(bout.hunt.tried for bout in self.bouts)

    @property
    def plausible(self) -> int:
        """How many of them the defender was asked about."""
        return sum(bout.hunt.plausible for bout in self.bouts)

    def to_json(self) -> dict[str, Any]:
        """The campaign as JSON values, without the incidents."""
        return {
            "defender": self.defender,
            "tasks": list(self.tasks),
            "episodes": len(self.bouts),
            "seed": self.seed,
            "budget": self.budget,
            "tried": self.tried,
            "plausible": self.plausible,
            "policy_digest": self.digest,
            "attackers": [
                _attacker_to_json(name, results)
                for name, results in self.results.items()
            ],
            "found": [_found_to_json(bout) for bout in self.bouts if bout.hunt.beaten],
        }


def run_campaign(
    defender: Defender,
    *,
    tasks: Sequence[TaskName] = TASKS,
    episodes: int,
    seed: int,
    budget: int = BUDGET,
    judge: Judge | None = None,
    progress: Progress | None = None,
) -> Campaign:
    """Let both attackers play against a defender.

    Args:
        defender: Who is attacked.
        tasks: Where the incidents come from, in the order of dealing.
        episodes: How many incidents in all, dealt round-robin over the tasks.
        seed: Which incidents, and what the searches draw.
        budget: How many incidents one search may try.
        judge: The shipped policies by default.
        progress: Called with bouts done and bouts in all.

    Raises:
        InputError: No task, no episode or no budget.
    """
    if not tasks or episodes < 1 or budget < 1:
        raise InputError("a campaign needs at least one task, episode and try")
    judge = judge or default_judge()
    search = SearchAttacker(defender, judge, budget)
    archives = Archive(), Archive()
    bouts = []
    for at in range(episodes):
        task, index = tasks[at % len(tasks)], at // len(tasks)
        bouts.append(_bout(search, task, seed, index, archives))
        if progress is not None:
            progress(at + 1, episodes)
    return Campaign(
        defender.name, tuple(tasks), seed, budget, judge.digest, tuple(bouts)
    )


def is_beaten(result: EpisodeResult) -> bool:
    """True if a plausible incident got a wrong answer, or one that can't be read."""
    answer = result.answer
    is_wrong = answer is None or answer.action != result.truth_action
    return bool(result.plausible) and is_wrong


def beaten_share(results: Sequence[EpisodeResult]) -> Share:
    """How often an attacker beat the defender."""
    return Share(sum(map(is_beaten, results)), len(results))


def mean_reward(results: Sequence[EpisodeResult]) -> float:
    """What an attacker earned on average."""
    return sum(result.attacker_reward or 0.0 for result in results) / len(results)


def _bout(
    search: SearchAttacker,
    task: TaskName,
    seed: int,
    index: int,
    archives: tuple[Archive, Archive],
) -> Bout:
    def begun(archive: Archive) -> Episode:
        episode = Episode(
            *(task, "self_play", seed, index),
            role="attacker",
            opponent=search.defender,
            judge=search.judge,
            archive=archive,
        )
        episode.reset()
        return episode

    plain, hunted = map(begun, archives)
    item = hunted.craft_item()
    hunt = search.hunt(item)
    plain.step({"craft_incident": TemplateAttacker().craft(item)})
    hunted.step({"craft_incident": hunt.payload(item)})
    return Bout(task, index, hunt, plain.grade(), hunted.grade())


def _attacker_to_json(name: str, results: Sequence[EpisodeResult]) -> dict[str, Any]:
    share = beaten_share(results)
    low, high = share.interval
    rate = {"value": share.value, "low": low, "high": high}
    return {
        "name": name,
        "beaten": {key: round(value, 6) for key, value in rate.items()},
        "mean_reward": round(mean_reward(results), 6),
    }


def _found_to_json(bout: Bout) -> dict[str, Any]:
    found = bout.hunt.beaten
    assert found is not None, "only finds are shown"
    return {
        "task": bout.task,
        "index": bout.index,
        "truth": found.truth.outcome,
        "answer": found.answer and found.answer.action,
        "tried": bout.hunt.tried,
        "changes": [str(change) for change in found.attempt.changes],
    }
