"""Episodes that two sessions play, each one side of it.

Both sessions give the same name, and whoever comes first lays the table. A call waits a
while for the other side and then says whose turn it is; `reset` under the same name
comes back to the seat. A seat is free again when its session leaves, and the table is
cleared when both have left.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from threading import Condition, Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_env.episode import TURNS, EpisodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opensoc_env.episode import Episode
    from opensoc_env.models import EpisodeState, Observation, Role

    # What both sides have to agree on: task, seed, index and split.
    Terms: TypeAlias = tuple[object, ...]

WAIT_SECONDS = 4.0
"""How long a call waits for the other side. A killed client keeps its seat as long."""


@dataclass(slots=True, eq=False)
class _Table:
    """An episode, and which sides of it are taken."""

    episode: Episode
    terms: Terms
    taken: set[Role] = field(default_factory=set)
    turns: Condition = field(default_factory=Condition)

    def is_waited_for(self, role: Role) -> bool:
        """True if a side has nothing to wait for."""
        state = self.episode.state()
        return state.done or state.role == role


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """One side of a table."""

    name: str
    role: Role
    tables: Tables
    _table: _Table

    def is_at(self, name: str, role: Role, terms: Terms) -> bool:
        """True if this is the seat that somebody asks for."""
        return (name, role, terms) == (self.name, self.role, self._table.terms)

    def look(self) -> Observation:
        """What this side may see, as soon as it is its turn or the wait is over."""
        table = self._table
        with table.turns:
            table.turns.wait_for(
                lambda: table.is_waited_for(self.role), self.tables.wait
            )
            return table.episode.view(self.role)

    def step(self, action: Mapping[str, Any]) -> Observation:
        """Take this side's turn.

        Raises:
            EpisodeError: It is not its turn, or the turn is not valid.
        """
        with self._table.turns:
            if any(TURNS.get(name, self.role) != self.role for name in action):
                text = f"this session plays the {self.role}; the other one does that"
                raise EpisodeError("wrong_role", text)
            self._table.episode.step(action)
            self._table.turns.notify_all()
        return self.look()

    def state(self) -> EpisodeState:
        """Where the episode stands."""
        with self._table.turns:
            return self._table.episode.state()

    def leave(self) -> None:
        """Free the seat."""
        self.tables.free(self.name, self.role, self._table)


class Tables:
    """The tables of one server, by name.

    Args:
        wait: Seconds that a call waits for the other side.
    """

    def __init__(self, wait: float = WAIT_SECONDS) -> None:
        self.wait = wait
        self._tables: dict[str, _Table] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._tables)

    def at_once(self) -> Tables:
        """The same tables, for callers that come back instead of waiting."""
        same = copy(self)
        same.wait = 0.0
        return same

    def sit(
        self, name: str, role: Role, terms: Terms, start: Callable[[], Episode]
    ) -> Seat:
        """Take a side of the table of a name.

        Args:
            name: The episode's id.
            role: The side.
            terms: What the other side has to have asked for as well.
            start: Makes the episode if the table is not laid yet.

        Raises:
            EpisodeError: The side is taken, or the other one plays something else.
        """
        with self._lock:
            table = self._tables.get(name)
            if table is None:
                table = _Table(start(), terms)
                table.episode.reset()
                self._tables[name] = table
            _require_room(table, name, role, terms)
            table.taken.add(role)
        return Seat(name, role, self, table)

    def free(self, name: str, role: Role, table: _Table) -> None:
        """Free a side of a table; the last one clears it."""
        with self._lock:
            table.taken.discard(role)
            if not table.taken and self._tables.get(name) is table:
                del self._tables[name]


def _require_room(table: _Table, name: str, role: Role, terms: Terms) -> None:
    if table.terms != terms:
        expected = "the task, seed, index and split that the other side asked for"
        text = f"`episode_id`: `{name}` is another episode; expected {expected}"
        raise EpisodeError("bad_reset", text, field="episode_id", expected=expected)
    if role in table.taken:
        expected = "the other role, or an episode_id of your own"
        text = f"`role`: the {role} of `{name}` is taken; expected {expected}"
        raise EpisodeError("bad_reset", text, field="role", expected=expected)
