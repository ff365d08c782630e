"""An element of an array becomes more of the same: with new ids, a little later."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# More of the same than this is no small change.
MAX_COPIES = 64
_MINUTE = timedelta(minutes=1)
_ZERO = timedelta(0)


def copies(
    siblings: Sequence[Any], at: int, kind: t.Object, more: int
) -> Iterator[tuple[Any, ...]]:
    """Groups of copies of an element to add to its array, each at a pace of its own.

    Args:
        siblings: The array.
        at: The index of the element.
        kind: The type of the element.
        more: How many copies a group has.
    """
    element = siblings[at]
    if not isinstance(element, dict) or not 0 < more <= MAX_COPIES:
        return
    clock = _clock(kind)
    names = _new_names(siblings, element, kind.identity, more)
    for pace in _paces(siblings, at, clock):
        group = []
        for number, name in enumerate(names, start=1):
            copy = dict(element)
            if kind.identity is not None:
                copy[kind.identity] = name
            if clock is not None:
                copy[clock] = _shown(_moment(element[clock]) + pace * number)
            group.append(copy)
        yield tuple(group)


def _clock(kind: t.Object) -> str | None:
    """The field that says when."""
    fields = (f for f in kind.fields if f.required and f.type == t.Timestamp())
    return next((field.name for field in fields), None)


def _new_names(
    siblings: Sequence[Any], element: Any, identity: str | None, more: int
) -> list[str]:
    if identity is None:
        return [""] * more
    taken = {str(part.get(identity)) for part in siblings if isinstance(part, dict)}
    names: list[str] = []
    number = 2
    while len(names) < more:
        name = f"{element[identity]}-{number}"
        if name not in taken:
            names.append(name)
        number += 1
    return names


def _paces(siblings: Sequence[Any], at: int, clock: str | None) -> list[timedelta]:
    """How much later each copy comes: as the element after the one before, or not."""
    if clock is None:
        return [_ZERO]
    pace = _ZERO
    if at:
        pace = _moment(siblings[at][clock]) - _moment(siblings[at - 1][clock])
    return [pace if pace > _ZERO else _MINUTE, _ZERO]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _shown(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
