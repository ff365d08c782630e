"""What a line proves of a type: a field is there, or a union is one of its members.

A type is never changed: what is known after a line is another type.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opensoc_engine import types as t

if TYPE_CHECKING:
    from collections.abc import Callable


def require(kind: t.Type, path: tuple[str, ...]) -> t.Type:
    """The type once the field at `path` is known to be there."""
    if not path:
        return kind
    if isinstance(kind, t.Union):
        members = tuple(_require_in(member, path) for member in kind.members)
        return replace(kind, members=members)
    return _require_in(kind, path) if isinstance(kind, t.Object) else kind


def _require_in(kind: t.Object, path: tuple[str, ...]) -> t.Object:
    return _with_field(kind, path[0], lambda f: require(f.type, path[1:]), present=True)


def narrow(kind: t.Type, path: tuple[str, ...], tags: frozenset[str]) -> t.Type | None:
    """The type once the discriminator at `path` is known to be one of `tags`.

    None if no member has such a tag, which was reported: then nothing is known.
    """
    if isinstance(kind, t.Union) and len(path) == 1:
        return _chosen(kind, path[0], tags)
    if isinstance(kind, t.Object) and len(path) == 1:
        return _tagged(kind, path[0], tags)
    if isinstance(kind, t.Object) and path:
        return _with_field(
            kind, path[0], lambda f: narrow(f.type, path[1:], tags) or f.type
        )
    return kind


def _chosen(kind: t.Union, name: str, tags: frozenset[str]) -> t.Type | None:
    """The members with one of the tags.

    A field that no member has was reported; it is the discriminator, misspelt, if its
    value is a tag. So nobody is told that the lines after it lack a comparison.
    """
    is_unknown = all(member.field(name) is None for member in kind.members)
    left = tuple(m for m in kind.members if not tags.isdisjoint(kind.tags(m)))
    if name != kind.discriminator and not (is_unknown and left):
        return kind
    if len(left) == 1:
        return _tagged(left[0], kind.discriminator, tags)
    return replace(kind, members=left) if left else None


def _tagged(kind: t.Object, name: str, tags: frozenset[str]) -> t.Object:
    item = kind.field(name)
    if item is None or not isinstance(item.type, t.Enum):
        return kind
    left = tuple(value for value in item.type.values if value in tags)
    return _with_field(kind, name, lambda f: t.Enum(left) if left else f.type)


def _with_field(
    kind: t.Object,
    name: str,
    change: Callable[[t.Field], t.Type],
    *,
    present: bool = False,
) -> t.Object:
    fields = tuple(
        replace(item, type=change(item), required=item.required or present)
        if item.name == name
        else item
        for item in kind.fields
    )
    return replace(kind, fields=fields)
