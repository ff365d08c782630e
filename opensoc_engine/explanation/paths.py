"""Places in a document: how they are written and read, and what a change gives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

# Keys of objects and indexes of arrays, from the root of the document.
Path: TypeAlias = tuple[str | int, ...]

_MAX_KEY = 64


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a document.

    Attributes:
        kind: `set` puts the value at the path, `remove` takes out what stands there,
            `append` adds the values to the array at the path.
        value: Of `append`, a tuple of elements.
    """

    kind: Literal["set", "remove", "append"]
    path: Path
    value: Any = None


@dataclass(frozen=True, slots=True)
class Change:
    """A fact that differs between two documents.

    Attributes:
        kind: `changed`, `added` or `removed`.
        after: Of several elements that were added beside each other, a list of them.
        count: How many there are.
        owner: The id of the object that the fact belongs to, if it has one.
    """

    kind: Literal["changed", "added", "removed"]
    path: Path
    before: Any = None
    after: Any = None
    count: int = 1
    owner: str | None = None


def shown_path(path: Path) -> str:
    """A path as people write it.

    >>> shown_path(("events", 0, "fields", "a b"))
    'events[0].fields."a b"'
    """
    parts = [
        f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in path
    ]
    return "".join(parts).removeprefix(".") or "the document"


def _key(text: str) -> str:
    plain = text.replace("_", "").isalnum() and text.isascii()
    return text if plain and len(text) <= _MAX_KEY else json.dumps(text[:_MAX_KEY])


def value_at(document: Any, path: Path) -> Any:
    """What stands at a path.

    Raises:
        LookupError: Nothing stands there.
    """
    for part in path:
        match document, part:
            case (dict(), _) | (list(), int()):
                document = document[part]
            case _:
                raise LookupError(part)
    return document


def edited(document: Any, edit: Edit) -> Any:
    """The document with a change; all that is not on its path is shared.

    Raises:
        LookupError: The path leads nowhere.
    """
    if edit.kind == "append":
        array = value_at(document, edit.path)
        if not isinstance(array, list):
            raise LookupError(edit.path)
        return _put(document, edit.path, [*array, *edit.value])
    if edit.kind == "remove":
        parent = value_at(document, edit.path[:-1])
        last = edit.path[-1]
        value_at(parent, (last,))
        if isinstance(parent, list):
            rest: Any = [part for at, part in enumerate(parent) if at != last]
        else:
            rest = {key: part for key, part in parent.items() if key != last}
        return _put(document, edit.path[:-1], rest)
    return _put(document, edit.path, edit.value)


def _put(document: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(document, list) and isinstance(head, int):
        return [
            *document[:head],
            _put(document[head], rest, value),
            *document[head + 1 :],
        ]
    if not isinstance(document, dict) or (rest and head not in document):
        raise LookupError(head)
    return {**document, head: _put(document.get(head), rest, value)}


def changes(before: Any, after: Any, path: Path = ()) -> list[Change]:
    """The facts that differ, in the order of the document."""
    if before is after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        found: list[Change] = []
        for key in dict.fromkeys([*before, *after]):
            place = (*path, key)
            if key not in after:
                found.append(Change("removed", place, before[key]))
            elif key not in before:
                found.append(Change("added", place, None, after[key]))
            else:
                found += changes(before[key], after[key], place)
        return found
    if isinstance(before, list) and isinstance(after, list):
        return _list_changes(before, after, path)
    same = type(before) is type(after) and before == after
    return [] if same else [Change("changed", path, before, after)]


def _list_changes(before: list[Any], after: list[Any], path: Path) -> list[Change]:
    """Elements that are lost, changed in their place, or added at the end."""
    found: list[Change] = []
    lost, at = len(before) - len(after), 0
    for index, element in enumerate(before):
        if lost > 0 and (at >= len(after) or after[at] != element):
            found.append(Change("removed", (*path, index), element))
            lost -= 1
            continue
        found += changes(element, after[at], (*path, index))
        at += 1
    more = after[at:]
    if more:
        value = more[0] if len(more) == 1 else more
        place = (*path, len(before))
        found.append(Change("added", place, None, value, len(more)))
    return found
