"""An incident becomes another one that differs in one fact.

A fact is a field of an event, an event, or when it happened. New names come from the
incident's own estate, other values from what the generator writes in that field of that
kind of event. The result may not be valid or plausible: whoever asks must check.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_env.generator import generate
from opensoc_env.incident import instant
from opensoc_env.models import MAX_EVENTS, TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from random import Random

    Event: TypeAlias = dict[str, Any]
    Fields: TypeAlias = dict[str, Any]
    # The type of an event and the keys that lead to a field.
    Path: TypeAlias = tuple[str, ...]

_SEEN_INCIDENTS = 12
"""Incidents of each task whose values are drawn from; more add little."""
_STEPS = (1, 30, 300, 3_600, 43_200)
"""Seconds that an event may move by: from within a burst to another shift."""
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Change:
    """One changed fact.

    Attributes:
        kind: `set`, `add`, `remove`, `drop`, `repeat` or `move`.
        field: Of the event; empty if the whole event is meant.
    """

    kind: str
    event_type: str
    field: str = ""
    old: Any = None
    new: Any = None

    def __str__(self) -> str:
        """The change in one line."""
        what = " ".join(
            part for part in (self.kind, self.event_type, self.field) if part
        )
        if self.kind in {"set", "move"}:
            return f"{what}: {json.dumps(self.old)} -> {json.dumps(self.new)}"
        told = self.old if self.kind == "remove" else self.new
        return what if told is None else f"{what}: {json.dumps(told)}"


def mutate(
    events: list[Event], estate: Mapping[str, Any], draws: Random
) -> tuple[Change, list[Event]] | None:
    """Events with one fact changed, or None if the draw had nothing to change.

    Args:
        events: In order; left alone.
        estate: Whose names may be used.
        draws: Where the change comes from.
    """
    draft = _Draft(deepcopy(events), estate, draws)
    change = draws.choice(_KINDS)(draft)
    return None if change is None else (change, _numbered(draft.events))


class _Draft:
    """Events that one change is made to, at an event that is drawn."""

    def __init__(
        self, events: list[Event], estate: Mapping[str, Any], draws: Random
    ) -> None:
        self.events = events
        self._estate = estate
        self._draws = draws
        self._at = draws.randrange(len(events))
        self._event = events[self._at]
        self._kind: str = self._event["event_type"]

    def set(self) -> Change | None:
        """Another value for a field."""
        leaf = self._leaf()
        if leaf is None:
            return None
        path, old = leaf
        values = _values((self._kind, *path), old, self._estate)
        others = [value for value in values if value != old]
        if not others:
            return None
        new = self._draws.choice(others)
        _put(self._event["fields"], path, new)
        return Change("set", self._kind, ".".join(path), old, new)

    def add(self) -> Change | None:
        """A field that the event does not have."""
        has = {path for path, _ in _leaves(self._event["fields"])}
        known = [p for p in vocabulary() if p[0] == self._kind and p[1:] not in has]
        if not known:
            return None
        name = self._draws.choice(known)
        new = self._draws.choice(vocabulary()[name])
        _put(self._event["fields"], name[1:], new)
        return Change("add", self._kind, ".".join(name[1:]), new=new)

    def remove(self) -> Change | None:
        """A field less."""
        leaf = self._leaf()
        if leaf is None:
            return None
        path, old = leaf
        _cut(self._event["fields"], path)
        return Change("remove", self._kind, ".".join(path), old)

    def drop(self) -> Change | None:
        """An event less."""
        if len(self.events) == 1:
            return None
        del self.events[self._at]
        return Change("drop", self._kind)

    def repeat(self) -> Change | None:
        """An event once more, later."""
        if len(self.events) == MAX_EVENTS:
            return None
        again = deepcopy(self._event)
        again["timestamp"] = _shifted(again["timestamp"], self._draws.choice(_STEPS))
        self.events.append(again)
        return Change("repeat", self._kind, new=again["timestamp"])

    def move(self) -> Change | None:
        """An event at another time."""
        by = self._draws.choice(_STEPS) * self._draws.choice((-1, 1))
        old = self._event["timestamp"]
        new = self._event["timestamp"] = _shifted(old, by)
        return Change("move", self._kind, "timestamp", old, new)

    def _leaf(self) -> tuple[Path, Any] | None:
        leaves = list(_leaves(self._event["fields"]))
        return self._draws.choice(leaves) if leaves else None


# Most facts are values of fields, so those are drawn most.
_KINDS: tuple[Callable[[_Draft], Change | None], ...] = (
    *(_Draft.set,) * 6,
    _Draft.add,
    _Draft.remove,
    _Draft.drop,
    _Draft.repeat,
    _Draft.move,
)


def _values(name: Path, old: Any, estate: Mapping[str, Any]) -> tuple[Any, ...]:
    """What may stand in a field instead of its value."""
    for names in _identities(estate):
        if old in names:
            return names
    if isinstance(old, bool):
        return (not old,)
    seen = vocabulary().get(name, ())
    if isinstance(old, int):
        return (*seen, 0, old // 2, old * 2)
    return seen


def _identities(estate: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Names of one sort that an estate has: machines, their addresses, accounts."""
    yield tuple(host["name"] for host in estate["hosts"])
    yield tuple(host["ip"] for host in estate["hosts"])
    yield tuple(user["name"] for user in estate["users"])


@cache
def vocabulary() -> Mapping[Path, tuple[Any, ...]]:
    """Values that the generator writes, by kind of event and field.

    Texts that name a machine, an address or an account of some estate are left out.
    """
    found: dict[Path, dict[str, Any]] = {}
    for task in TASKS:
        for seed in range(_SEEN_INCIDENTS):
            incident = generate(task, seed)
            own = [
                n.lower() for names in _identities(incident["context"]) for n in names
            ]
            for event in incident["events"]:
                for path, value in _leaves(event["fields"]):
                    text = json.dumps(value, sort_keys=True).lower()
                    if not any(name in text for name in own):
                        found.setdefault((event["event_type"], *path), {})[text] = value
    return {path: tuple(found[path].values()) for path in sorted(found)}


def _leaves(fields: Fields, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The fields that hold no other fields, in order."""
    for key, value in fields.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _put(fields: Fields, path: Path, value: Any) -> None:
    for key in path[:-1]:
        fields = fields.setdefault(key, {})
    fields[path[-1]] = value


def _cut(fields: Fields, path: Path) -> None:
    """Remove a field; an object that is left empty goes with it."""
    if len(path) > 1:
        inner = fields[path[0]]
        _cut(inner, path[1:])
        if inner:
            return
    del fields[path[0]]


def _shifted(timestamp: str, seconds: int) -> str:
    moment = datetime.fromtimestamp(instant(timestamp) // _NANOSECONDS, UTC)
    return (moment + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _numbered(events: list[Event]) -> list[Event]:
    """Events in order of time, with ids that count them and so say nothing."""
    ordered = sorted(events, key=lambda event: instant(event["timestamp"]))
    return [event | {"log_id": f"L1-{at}"} for at, event in enumerate(ordered)]
