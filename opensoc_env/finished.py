"""A finished episode as a record: all that it takes to judge it again.

An episode hands one out when it ends, see `on_finish` of `opensoc_env.episode.Episode`;
`opensoc_env.store` keeps it. It holds the incident and the answers themselves, not only
what came of them, so other policies or another rubric can judge it without a new run.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import ConfigDict, Field

from opensoc_env.models import (
    EpisodeResult,
    EpisodeState,
    Message,
    Mode,
    Role,
    SubmitTriage,
    TaskName,
)

Key: TypeAlias = tuple[TaskName, Mode, int | None]
"""What a caller of the HTTP API asks for: task, mode and the seed, if it names one."""


class FinishedEpisode(Message):
    """What was asked, what was answered and what came of it.

    Attributes:
        role: The side that a client played in it; None if it played every turn itself.
        opponent: Who played the other side, by name; empty if nobody did.
        split: The data set that `index` counts in; None for generated incidents.
        incident: What was judged: the estate, and the events of the last turn.
        crafted: What an attacker sent, read or not; None if nobody crafted it.
        answer: The defender's; None if it had no turn or could not be read.
        answered: True if the defender had its turn.
        novelty: What the archive said of the pattern at the time, from 0 to 1.
        steps: How many turns its clients took.
        sequence: Counts the episodes of a process in the order in which they began.
    """

    model_config = ConfigDict(frozen=True)

    episode_id: str
    task: TaskName
    mode: Mode
    role: Role | None = None
    opponent: str = ""
    seed: int
    index: int = 0
    split: str | None = None
    incident: dict[str, Any]
    crafted: Any = None
    answer: SubmitTriage | None = None
    answered: bool = True
    novelty: float = Field(default=0.0, ge=0, le=1)
    result: EpisodeResult
    policy_digest: str
    defender_rubric: str
    attacker_rubric: str
    steps: int = 1
    sequence: int = 0

    @property
    def state(self) -> EpisodeState:
        """Where the episode stands, as it said itself when it was done."""
        return EpisodeState(
            episode_id=self.episode_id,
            task=self.task,
            mode=self.mode,
            role="defender" if self.answered else "attacker",
            step_count=self.steps,
            done=True,
        )
