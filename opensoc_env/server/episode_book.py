"""The running episodes of the HTTP API: found by id, or by task, mode and seed.

The protocol of the original names no episode. Here `episode_id` does; without it the
oldest unfinished episode of that task, mode and seed is meant. A seed determines an
episode completely, so callers that share a seed see the same and never clobber each
other.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from opensoc_env.episode import Episode, EpisodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_env.judge import Judge
    from opensoc_env.models import Mode, Observation, TaskName

Key: TypeAlias = "tuple[TaskName, Mode, int | None]"


@dataclass(slots=True)
class EpisodeBook:
    """Episodes by id; the oldest are forgotten when there are too many.

    Attributes:
        capacity: How many episodes are kept, finished ones included.
    """

    judge: Judge
    capacity: int = 1024
    _episodes: OrderedDict[str, Episode] = field(default_factory=OrderedDict)
    _keys: dict[str, Key] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def reset(self, task: TaskName, mode: Mode, seed: int | None) -> Observation:
        """Start an episode; without a seed the server counts its own."""
        number = next(self._numbers)
        name = f"e{number:08d}"
        episode = Episode(
            task,
            mode,
            number if seed is None else seed,
            judge=self.judge,
            episode_id=name,
        )
        observation = episode.reset()
        self._episodes[name] = episode
        self._keys[name] = (task, mode, seed)
        self._forget()
        return observation

    def _forget(self) -> None:
        while len(self._episodes) > self.capacity:
            finished = (n for n, e in self._episodes.items() if e.state().done)
            oldest = next(finished, next(iter(self._episodes)))
            del self._episodes[oldest], self._keys[oldest]

    def find(self, episode_id: str | None, key: Key, *, done: bool = False) -> Episode:
        """The episode that a request means.

        Args:
            episode_id: Its id, if the request names one.
            key: Task, mode and seed of the request.
            done: True if a finished episode is preferred, the newest one.

        Raises:
            EpisodeError: There is none.
        """
        if episode_id is not None:
            return self._by_id(episode_id)
        same = [n for n, known in self._keys.items() if known == key]
        if not same:
            raise EpisodeError(
                "not_reset",
                "no episode of this task, mode and seed was started: call /reset first",
            )
        fitting = [n for n in same if self._episodes[n].state().done == done]
        if fitting:
            return self._episodes[fitting[-1] if done else fitting[0]]
        return self._episodes[same[-1]]

    def _by_id(self, episode_id: str) -> Episode:
        episode = self._episodes.get(episode_id)
        if episode is None:
            raise EpisodeError(
                "not_reset",
                f"there is no episode `{episode_id[:64]}`: it was never started here, "
                "or so many came after it that it was forgotten",
            )
        return episode
