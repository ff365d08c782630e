"""What a caller says at reset becomes checked arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, StrictInt, ValidationError

from opensoc_env.episode import refusal_of
from opensoc_env.models import MAX_SEED, Message, Mode, Role, TaskName
from opensoc_env.tasks import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_NAME = 255


class ResetArguments(Message):
    """What a session may say at reset; all of it is optional.

    Attributes:
        seed: Determines the episode completely, with `task`, `mode` and `index`.
        index: Which incident of the seed, or which row of the split.
        split: A committed data set, see `opensoc_env.splits`.
        role: The side that the session plays; every side if it is not given.
        opponent: Who plays the other side; `human` for another session.
        episode_id: Echoed in every message; names the table for `human`.
    """

    seed: StrictInt = Field(default=0, ge=0, lt=MAX_SEED)
    index: StrictInt = Field(default=0, ge=0, lt=MAX_SEED)
    task: TaskName | None = None
    split: str | None = Field(default=None, max_length=_MAX_NAME)
    mode: Mode | None = None
    role: Role | None = None
    opponent: str | None = Field(default=None, max_length=_MAX_NAME)
    episode_id: str | None = Field(default=None, min_length=1, max_length=_MAX_NAME)

    @property
    def played_mode(self) -> Mode:
        """The mode; what only self-play has implies it."""
        if self.mode is not None:
            return self.mode
        is_attacked = self.role == "attacker" or self.opponent is not None
        return "self_play" if is_attacked else "defender_only"

    @property
    def is_alone(self) -> bool:
        """True if nobody else takes a part in the reset."""
        return self.opponent is None and (
            self.role is None or self.played_mode == "defender_only"
        )

    @property
    def terms(self) -> tuple[object, ...]:
        """What two sessions of one table have to agree on."""
        task = self.task if self.split else self.task or DEFAULT_TASK
        return (self.seed, self.index, task, self.split)


def read_reset(given: Mapping[str, Any]) -> ResetArguments:
    """The arguments of a reset; those that are None count as not given.

    Raises:
        EpisodeError: One is wrong; `field` and `expected` say which and what.
    """
    named = {name: value for name, value in given.items() if value is not None}
    try:
        return ResetArguments.model_validate(named)
    except ValidationError as error:
        raise refusal_of(error, "bad_reset") from None
