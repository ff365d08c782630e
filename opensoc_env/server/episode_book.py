"""The episodes of the HTTP API: found by id, or by task, mode and seed.

The protocol of the original names no episode. Here `episode_id` does; without it the
oldest unfinished episode of that task, mode and seed is meant. Callers that share a
seed see the same and never clobber each other; where they see different incidents, a
turn has to name its episode. Ids can't be guessed, so nobody plays in another's.

A running episode is never forgotten while its caller may come back: when every place is
taken, the next caller is told so. Threads may share a book.

A store may know what a book has forgotten, or what an earlier server played. It is
asked only for what the book knows nothing of, so it tells nothing of an episode that
runs. It finds only what this API played: sessions choose their ids, and could copy one.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

from opensoc_env.episode import Episode, EpisodeError
from opensoc_env.server.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opensoc_env.finished import FinishedEpisode, Key
    from opensoc_env.models import (
        EpisodeResult,
        EpisodeState,
        Mode,
        Observation,
        TaskName,
    )

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

    @property
    def incident(self) -> tuple[object, ...]:
        """What decides the incident, beside its key."""
        episode = self.episode
        other = episode.opponent and episode.opponent.name
        return episode.seed, episode.index, episode.split, episode.role, other

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
        start: Makes an episode from its task, mode, seed and further arguments, among
            them `asked`, the seed that the caller named, if any.
        capacity: How many episodes are kept, finished ones included.
        kept: Finds a finished episode that the book has forgotten.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        start: Callable[..., Episode],
        capacity: int = MAX_EPISODES,
        *,
        kept: Callable[[str | Key], FinishedEpisode | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._capacity = capacity
        self._kept = kept
        self._clock = clock
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._starting = 0
        self._numbers: Iterator[int] = count()
        self._lock = Lock()

    @property
    def running(self) -> int:
        """How many episodes are running."""
        with self._lock:
            return sum(not place.done for place in self._places.values())

    def reset(
        self, task: TaskName | None, mode: Mode, seed: int | None, **more: Any
    ) -> Observation:
        """Start an episode; without a seed the server counts its own.

        Raises:
            ApiError: Every place is taken by an episode that is running.
            EpisodeError: There is no such episode.
        """
        with self._lock:
            self._make_room()
            self._starting += 1
            used = next(self._numbers) if seed is None else seed
        name = secrets.token_hex(8)
        place = None
        try:
            episode = self._start(task, mode, used, asked=seed, episode_id=name, **more)
            observation = episode.reset()
            key, done = (episode.task, mode, seed), observation.done
            place = Place(episode, key, self._clock(), done)
        finally:
            with self._lock:
                self._starting -= 1
                if place is not None:
                    self._places[name] = place
        return observation

    def step(
        self, episode_id: str | None, key: Key, action: Mapping[str, Any]
    ) -> Observation:
        """Take a turn in the episode that a request means.

        Args:
            episode_id: Its id, if the request names one.
            key: Task, mode and seed of the request.
            action: The turn.

        Raises:
            ApiError: It could be one of several that differ.
            EpisodeError: There is none, or it can't take the turn.
        """
        self._refuse_guess(episode_id, key)
        place = self._find(episode_id, key)
        if place is not None:
            return place.step(action)
        if episode_id is not None and self._recall(episode_id) is not None:
            raise EpisodeError("already_done", f"the episode `{episode_id}` is done")
        raise _nothing(episode_id)

    def has_opponent(self, episode_id: str | None, key: Key) -> bool:
        """True if a turn in the episode that is meant may wait for an opponent."""
        with self._lock:
            place = self._meant(episode_id, key)
        return place is not None and place.episode.opponent is not None

    def state(self, episode_id: str | None, key: Key) -> EpisodeState:
        """Where the episode stands that a request means.

        Raises:
            EpisodeError: There is none.
        """
        place = self._find(episode_id, key)
        if place is not None:
            return place.episode.state()
        return self._remembered(episode_id, key).state

    def grade(self, episode_id: str | None, key: Key) -> EpisodeResult:
        """What came of the episode that a request means: the newest, if it names none.

        Raises:
            EpisodeError: There is none, or it is not done.
        """
        place = self._find(episode_id, key, done=True)
        if place is not None:
            return place.episode.grade()
        return self._remembered(episode_id, key).result

    def _refuse_guess(self, episode_id: str | None, key: Key) -> None:
        """Refuse a turn that could be meant for several incidents."""
        if episode_id is not None:
            return
        with self._lock:
            fitting = {place.incident for place in self._running(key)}
        if len(fitting) > 1:
            text = (
                f"{len(fitting)} different episodes of this task, mode and seed are "
                "running: name yours by `episode_id`, as /reset returned it"
            )
            raise ApiError(409, "ambiguous", text)

    def _find(
        self, episode_id: str | None, key: Key, *, done: bool = False
    ) -> Place | None:
        """The place that is meant; if `done`, rather of a finished episode."""
        with self._lock:
            place = self._meant(episode_id, key, done=done)
            if place is not None:
                place.touched = self._clock()
        return place

    def _meant(
        self, episode_id: str | None, key: Key, *, done: bool = False
    ) -> Place | None:
        if episode_id is not None:
            return self._places.get(episode_id)
        same = [place for place in self._places.values() if place.key == key]
        if not done and (running := self._running(key)):
            return running[0]
        found = [place for place in same if place.done] or same
        return found[-1] if found else None

    def _running(self, key: Key) -> list[Place]:
        """Unfinished episodes of a key; rather those that somebody came back to."""
        places = self._places.values()
        found = [place for place in places if place.key == key and not place.done]
        stale = self._clock() - IDLE_SECONDS
        return [place for place in found if place.touched >= stale] or found

    def _remembered(self, episode_id: str | None, key: Key) -> FinishedEpisode:
        found = self._recall(key if episode_id is None else episode_id)
        if found is None:
            raise _nothing(episode_id)
        return found

    def _recall(self, asked: str | Key) -> FinishedEpisode | None:
        return None if self._kept is None else self._kept(asked)

    def _make_room(self) -> None:
        """Forget an episode if there are too many: a finished one, or an idle one."""
        if len(self._places) + self._starting < self._capacity:
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


def _nothing(episode_id: str | None) -> EpisodeError:
    if episode_id is None:
        text = "no episode of this task, mode and seed was started: call /reset first"
        return EpisodeError("not_reset", text)
    return EpisodeError(
        "not_reset",
        f"there is no episode `{episode_id[:64]}`: it was never started here, or so "
        "many came after it that it was forgotten",
    )
