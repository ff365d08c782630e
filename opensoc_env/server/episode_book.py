"""The running episodes of the HTTP API: found by id, or by task, mode and seed.

The protocol of the original names no episode. Here `episode_id` does; without it the
oldest unfinished episode of that task, mode and seed is meant. A seed determines an
episode completely, so callers that share a seed see the same and never clobber each
other. Ids can't be guessed, so nobody plays in an episode that is not theirs.

A running episode is never forgotten while its caller may come back: when every place is
taken, the next caller is told so. Threads may share a book.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_env.episode import Episode, EpisodeError
from opensoc_env.server.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opensoc_env.models import Mode, Observation, TaskName

Key: TypeAlias = "tuple[TaskName, Mode, int | None]"
MAX_EPISODES = 1024
IDLE_SECONDS = 600.0
_RETRY_SECONDS = 5


@dataclass(slots=True, eq=False)
class Place:
    """An episode in the book, and a lock, since it belongs to one thread at a time."""

    episode: Episode
    key: Key
    touched: float
    done: bool = False
    lock: Lock = field(default_factory=Lock)

    def step(self, action: Mapping[str, Any]) -> Observation:
        """Take a turn.

        Raises:
            EpisodeError: The episode can't take it.
        """
        with self.lock:
            observation = self.episode.step(action)
            self.done = observation.done
        return observation


class EpisodeBook:
    """Episodes by id, oldest first.

    Args:
        start: Makes an episode from its task, mode, seed and further arguments.
        capacity: How many episodes are kept, finished ones included.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        start: Callable[..., Episode],
        capacity: int = MAX_EPISODES,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._capacity = capacity
        self._clock = clock
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._numbers: Iterator[int] = count()
        self._lock = Lock()

    @property
    def running(self) -> int:
        """How many episodes are running."""
        with self._lock:
            return sum(not place.done for place in self._places.values())

    def reset(
        self, task: TaskName, mode: Mode, seed: int | None, **more: Any
    ) -> Observation:
        """Start an episode; without a seed the server counts its own.

        Raises:
            ApiError: Every place is taken by an episode that is running.
            EpisodeError: There is no such episode.
        """
        with self._lock:
            self._make_room()
            used = next(self._numbers) if seed is None else seed
        name = secrets.token_hex(8)
        episode = self._start(task, mode, used, episode_id=name, **more)
        observation = episode.reset()
        place = Place(episode, (episode.task, mode, seed), self._clock())
        with self._lock:
            self._places[name] = place
        return observation

    def find(self, episode_id: str | None, key: Key, *, done: bool = False) -> Place:
        """The episode that a request means.

        Args:
            episode_id: Its id, if the request names one.
            key: Task, mode and seed of the request.
            done: True if a finished episode is preferred, the newest one.

        Raises:
            EpisodeError: There is none.
        """
        with self._lock:
            by_id = episode_id is not None
            place = self._named(episode_id) if by_id else self._meant(key, done=done)
            place.touched = self._clock()
        return place

    def _named(self, episode_id: str | None) -> Place:
        place = self._places.get(episode_id or "")
        if place is None:
            raise EpisodeError(
                "not_reset",
                f"there is no episode `{(episode_id or '')[:64]}`: it was never "
                "started here, or so many came after it that it was forgotten",
            )
        return place

    def _meant(self, key: Key, *, done: bool) -> Place:
        same = [place for place in self._places.values() if place.key == key]
        if not same:
            raise EpisodeError(
                "not_reset",
                "no episode of this task, mode and seed was started: call /reset first",
            )
        fitting = [place for place in same if place.done == done]
        if fitting:
            return fitting[-1] if done else fitting[0]
        return same[-1]

    def _make_room(self) -> None:
        """Forget an episode if there are too many: a finished one, or an idle one."""
        if len(self._places) < self._capacity:
            return
        stale = self._clock() - IDLE_SECONDS
        free = (n for n, p in self._places.items() if p.done or p.touched < stale)
        name = next(free, None)
        if name is None:
            raise ApiError(
                429,
                "capacity_reached",
                f"all {self._capacity} places are taken by running episodes; finish "
                f"one, or wait until one was idle for {IDLE_SECONDS:g} seconds",
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
        del self._places[name]
