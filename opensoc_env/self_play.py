"""An attacker meets several defenders, and both sides get numbers.

Each incident that it crafts is answered by every defender, so how many were right is
known of it: that is what `attacker.v3` pays by. One archive counts the patterns of a
run; it can go on from an earlier one. The same attacker, defenders, seed and archive
give the same numbers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_engine import InputError
from opensoc_env.defenders import TriageItem
from opensoc_env.episode import Episode
from opensoc_env.incident import IncidentError, craft_incident
from opensoc_env.judge import Solved, default_judge, reward_of
from opensoc_env.models import TASKS
from opensoc_env.novelty import Archive, pattern_of
from opensoc_env.opponents.campaign import Share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opensoc_env.defenders import Defender
    from opensoc_env.judge import Judge
    from opensoc_env.models import TaskName
    from opensoc_env.novelty import Pattern
    from opensoc_env.opponents.attackers import Attacker, CraftItem

    Progress = Callable[[int, int], None]

RUBRIC = "attacker.v3"
BINS = ("none", "under half", "half or more", "all")
"""What share of the defenders was right, coarsely."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One incident that an attacker crafted.

    Attributes:
        plausible: False as well if it does not fit the schema.
        solved: How many defenders were right; 0 if it is not plausible.
        pattern: None if it does not fit the schema.
    """

    valid: bool
    plausible: bool
    solved: int
    asked: int
    reward: float
    pattern: Pattern | None = None

    @property
    def is_exploit(self) -> bool:
        """True if it could have happened and not every defender was right."""
        return self.plausible and self.solved < self.asked

    @property
    def bin(self) -> str:
        """Where it stands in the histogram of solve rates."""
        if self.solved in (0, self.asked):
            return BINS[0] if self.solved == 0 else BINS[-1]
        return BINS[1] if 2 * self.solved < self.asked else BINS[2]


@dataclass(frozen=True, slots=True)
class SelfPlay:
    """What came of a run.

    Attributes:
        known: How many rules the verifier has.
        seen: How many of them some pattern of the archive has.
        patterns: How many patterns the archive has.
        digest: Names the policies that judged.
    """

    attacker: str
    defenders: tuple[str, ...]
    tasks: tuple[TaskName, ...]
    seed: int
    digest: str
    attacks: tuple[Attack, ...]
    known: int
    seen: int
    patterns: int
    exploits: tuple[Attack, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = tuple(attack for attack in self.attacks if attack.is_exploit)
        object.__setattr__(self, "exploits", found)

    @property
    def validity(self) -> Share:
        """How many incidents fit the schema."""
        return Share(sum(a.valid for a in self.attacks), len(self.attacks))

    @property
    def plausibility(self) -> Share:
        """How many could have happened."""
        return Share(sum(a.plausible for a in self.attacks), len(self.attacks))

    @property
    def exploited(self) -> Share:
        """How many could have happened and got a wrong answer."""
        return Share(len(self.exploits), len(self.attacks))

    @property
    def histogram(self) -> dict[str, int]:
        """Plausible incidents by what share of the defenders was right."""
        counts = Counter(attack.bin for attack in self.attacks if attack.plausible)
        return {name: counts[name] for name in BINS}

    @property
    def exploit_patterns(self) -> int:
        """How many different patterns got a wrong answer."""
        return len({attack.pattern for attack in self.exploits})

    @property
    def mean_reward(self) -> float:
        """The attacker's mean reward by `attacker.v3`."""
        return sum(attack.reward for attack in self.attacks) / len(self.attacks)

    def to_json(self) -> dict[str, Any]:
        """The run as JSON values."""
        shares = ("validity", "plausibility", "exploited")
        return {
            "attacker": self.attacker,
            "defenders": list(self.defenders),
            "tasks": list(self.tasks),
            "seed": self.seed,
            "episodes": len(self.attacks),
            "policy_digest": self.digest,
            "rubric": RUBRIC,
            **{name: _to_json(getattr(self, name)) for name in shares},
            "solve_rates": self.histogram,
            "exploit_patterns": self.exploit_patterns,
            "archive": {
                "patterns": self.patterns,
                "rules_seen": self.seen,
                "rules": self.known,
            },
            "mean_reward": round(self.mean_reward, 6),
        }


def attack(
    attacker: Attacker,
    defenders: Sequence[Defender],
    *,
    tasks: Sequence[TaskName] = TASKS,
    episodes: int,
    seed: int,
    archive: Archive | None = None,
    judge: Judge | None = None,
    progress: Progress | None = None,
) -> SelfPlay:
    """Let an attacker craft incidents and every defender answer them.

    Args:
        attacker: Who crafts.
        defenders: Who answers, two at least, since only their disagreement is paid.
        tasks: Where the estates come from, in the order of dealing.
        episodes: How many incidents in all, dealt round-robin over the tasks.
        seed: Which estates.
        archive: Patterns of earlier runs; what this run adds is counted in it.
        judge: The shipped policies by default.
        progress: Called with incidents done and incidents in all.

    Raises:
        InputError: No task, no episode or fewer than two defenders.
    """
    if not tasks or episodes < 1:
        raise InputError("self-play needs at least one task and one episode")
    if len(defenders) < 2:  # noqa: PLR2004 - one answer is never half right
        raise InputError("self-play needs two defenders: who is right is compared")
    judge = judge or default_judge()
    archive = Archive() if archive is None else archive
    attacks = []
    for at in range(episodes):
        task, index = tasks[at % len(tasks)], at // len(tasks)
        episode = Episode(task, "self_play", seed, index, judge=judge)
        episode.reset()
        item = episode.craft_item()
        attacks.append(_attack(attacker, defenders, item, judge, archive))
        if progress is not None:
            progress(at + 1, episodes)
    counts = archive.counts
    rules = judge.verifier.rules.keys()
    return SelfPlay(
        attacker=attacker.name,
        defenders=tuple(defender.name for defender in defenders),
        tasks=tuple(tasks),
        seed=seed,
        digest=judge.digest,
        attacks=tuple(attacks),
        known=len(rules),
        seen=len(rules & {name for pattern in counts for name in pattern.rules}),
        patterns=len(counts),
    )


def _attack(
    attacker: Attacker,
    defenders: Sequence[Defender],
    item: CraftItem,
    judge: Judge,
    archive: Archive,
) -> Attack:
    """Craft one incident and have it answered, if it could have happened."""
    asked = len(defenders)
    try:
        incident = craft_incident(attacker.craft(item), item.estate)
    except IncidentError:
        return Attack(
            valid=False,
            plausible=False,
            solved=0,
            asked=asked,
            reward=_reward(judge, Solved(0, asked), valid=False, plausible=False),
        )
    truth = judge.truth(incident)
    plausible = judge.check_plausible(incident).outcome == "plausible"
    pattern, solved, novelty = pattern_of(incident, truth), 0, 0.0
    if plausible:
        seen = TriageItem(item.look(incident), incident)
        solved = sum(_is_right(d, seen, truth.outcome) for d in defenders)
        novelty = archive.add(pattern)
    paid = _reward(judge, Solved(solved, asked), novelty=novelty, plausible=plausible)
    return Attack(
        valid=True,
        plausible=plausible,
        solved=solved,
        asked=asked,
        reward=paid,
        pattern=pattern,
    )


def _is_right(defender: Defender, item: TriageItem, truth: str) -> bool:
    (answer,) = defender.answer([item])
    return answer is not None and answer.action == truth


def _reward(
    judge: Judge,
    solved: Solved,
    *,
    plausible: bool,
    valid: bool = True,
    novelty: float = 0.0,
) -> float:
    grade = judge.grade_attacker(
        schema_valid=valid,
        plausible=plausible,
        defender_correct=solved.solved == solved.samples,
        novelty=novelty,
        rubric=RUBRIC,
        solved=solved,
    )
    return reward_of(grade)


def _to_json(share: Share) -> dict[str, float]:
    low, high = share.interval
    values = {"value": share.value, "low": low, "high": high}
    return {key: round(value, 6) for key, value in values.items()}
