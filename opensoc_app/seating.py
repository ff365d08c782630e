"""Where people sit who play from the app: a bounded number of sessions.

A server that the app is mounted in says how its sessions start, so a person meets its
callers at the same tables. Alone, the app plays in its own process. What this makes
needs the extra `serve`; nothing is imported before somebody comes to play.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from threading import Lock, Timer
from time import monotonic
from typing import TYPE_CHECKING, Any

from opensoc_env.episode import EpisodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opensoc_env.models import Role
    from opensoc_env.server.openenv_environment import OpenSOCEnvironment
    from opensoc_env.server.openenv_messages import TriageObservation

MAX_SEATS = 32
"""Seats that browsers may have at once."""
IDLE_SECONDS = 600.0
"""After so long without a move, a seat may go to the next who comes if none is free."""

GRACE_SECONDS = 3.0
"""How long a browser may be away, as when its network fails for a moment."""


class Room:
    """The seats of one process.

    Args:
        start: Makes the session of a seat. Its calls don't wait for another side.
        key: What a visitor must know; None if anybody may play.
        limit: How many seats there are.
        idle: Seconds without a move after which a seat may be taken away.
        grace: Seconds that a seat waits for a browser that has gone.
    """

    def __init__(
        self,
        start: Callable[[], OpenSOCEnvironment],
        key: str | None = None,
        *,
        limit: int = MAX_SEATS,
        idle: float = IDLE_SECONDS,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self.grace = grace
        self._start = start
        self._key = key
        self._limit = limit
        self._idle = idle
        # When each session was last used, longest ago first.
        self._used: dict[OpenSOCEnvironment, float] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._used)

    def lets_in(self, key: str) -> bool:
        """True if a visitor may play."""
        return self._key is None or hmac.compare_digest(
            key.encode(errors="replace"), self._key.encode()
        )

    def open(self) -> OpenSOCEnvironment:
        """A session, for somebody who sits down.

        Raises:
            EpisodeError: All seats are taken.
        """
        with self._lock:
            gone = self._idle_one() if len(self._used) >= self._limit else None
            session = self._start()
            self._used[session] = monotonic()
        if gone is not None:
            gone.close()
        return session

    def touch(self, session: OpenSOCEnvironment) -> None:
        """Note that somebody moves, unless the seat was taken away."""
        with self._lock:
            if self._used.pop(session, None) is not None:
                self._used[session] = monotonic()

    def close(self, session: OpenSOCEnvironment) -> None:
        """Free a seat."""
        with self._lock:
            self._used.pop(session, None)
        session.close()

    def _idle_one(self) -> OpenSOCEnvironment:
        """The session that nobody used for longest, taken from its seat."""
        session, since = next(iter(self._used.items()))
        if monotonic() - since < self._idle:
            text = f"all {self._limit} seats are taken: come back later"
            raise EpisodeError("capacity_reached", text)
        del self._used[session]
        return session


@dataclass(slots=True)
class Game:
    """What a person plays.

    Attributes:
        asked: The arguments of `reset`.
        seen: What the person was shown last.
    """

    session: OpenSOCEnvironment
    asked: Mapping[str, Any]
    seen: TriageObservation

    @property
    def role(self) -> Role:
        """The side of the person."""
        role: Role = self.asked["role"]
        return role

    @property
    def waits(self) -> bool:
        """True while the other side has its turn."""
        return not self.seen.done and self.seen.role != self.role


@dataclass(slots=True, eq=False)
class Chair:
    """The one seat that a browser may have; it is free soon after the browser has gone.

    Attributes:
        game: What is played; None while the chair is at no table.
    """

    room: Room
    game: Game | None = None
    _session: OpenSOCEnvironment | None = None
    _is_watched: bool = False
    _lock: Lock = field(default_factory=Lock)

    def come(self) -> None:
        """The browser is here, perhaps again."""
        with self._lock:
            self._is_watched = True

    def go(self) -> None:
        """The browser has gone: the seat is free unless it comes back at once."""
        with self._lock:
            self._is_watched = False
        timer = Timer(self.room.grace, self._leave_unwatched)
        timer.daemon = True
        timer.start()

    def sit(self, **asked: Any) -> None:
        """Begin to play, as `reset` of the environment does.

        Raises:
            EpisodeError: An argument is wrong, or there is no seat.
        """
        self.leave()
        session = self._session = self.room.open()
        try:
            self._require_browser()
            self.game = Game(session, asked, session.reset(**asked))
        except BaseException:
            self.leave()
            raise

    def play(self, turn: str, said: Any) -> None:
        """Take a turn.

        Raises:
            EpisodeError: It is not valid, and nothing happened; or the seat is lost.
        """
        game = self._playing()
        self.room.touch(game.session)
        game.seen = game.session.play(turn, said)

    def look(self) -> Game:
        """The game as it stands now; the other side may have moved.

        Raises:
            EpisodeError: The seat is lost.
        """
        game = self._playing()
        state = game.session.state
        if game.waits and (state.done or state.role == game.role):
            game.seen = game.session.reset(**game.asked)
        return game

    def leave(self) -> None:
        """Free the seat."""
        with self._lock:
            session, self._session, self.game = self._session, None, None
        if session is not None:
            self.room.close(session)

    def _leave_unwatched(self) -> None:
        with self._lock:
            is_watched = self._is_watched
        if not is_watched:
            self.leave()

    def _require_browser(self) -> None:
        """Refuse a seat to a browser that has gone: nobody would free it."""
        with self._lock:
            if not self._is_watched:
                raise EpisodeError("not_reset", "the page has gone: load it again")

    def _playing(self) -> Game:
        if self.game is None:
            raise EpisodeError("not_reset", "sit down first")
        return self.game


class House:
    """The room of this process, made when somebody first comes to play."""

    def __init__(self) -> None:
        self._room: Room | None = None
        self._lock = Lock()

    def use(
        self, start: Callable[[], OpenSOCEnvironment], key: str | None = None
    ) -> None:
        """Play in the sessions of a server.

        Args:
            start: Makes a session whose calls don't wait for another side.
            key: What its callers have to bring, so visitors as well.
        """
        with self._lock:
            self._room = Room(start, key)

    def room(self) -> Room:
        """The server's room, or one of the app alone.

        Raises:
            ModuleNotFoundError: The extra `serve` is not installed.
        """
        with self._lock:
            if self._room is None:
                self._room = Room(_alone())
            return self._room


HOUSE = House()


def _alone() -> Callable[[], OpenSOCEnvironment]:
    """Sessions that meet each other and nobody else."""
    from opensoc_env.server.openenv_environment import (  # noqa: PLC0415 - takes seconds
        OpenSOCEnvironment,
    )
    from opensoc_env.server.tables import Tables  # noqa: PLC0415 - same

    tables = Tables(wait=0.0)
    return lambda: OpenSOCEnvironment(tables=tables)
