"""A finished episode as a record: all that it takes to judge it again.

An episode hands one out when it ends, see `on_finish` of `opensoc_env.episode.Episode`;
`opensoc_env.store` keeps it. It holds the incident and the answers themselves, not only
what came of them, so other policies or another rubric can judge it without a new run.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from opensoc_env.models import (
    EpisodeResult,
    Message,
    Mode,
    Role,
    SubmitTriage,
    TaskName,
)


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
    sequence: int = 0
