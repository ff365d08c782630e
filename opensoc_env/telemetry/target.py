"""The event schema as targets that a mapping can write to, and the fit of a value.

Turns `event.schema.json` into one `Shape` an event type, so that a mapping file is
checked when it loads and a value is checked when it is written. It reads the part of
JSON Schema that our event schema uses and refuses any other keyword. What `place` and
`prune` leave is valid against the schema; a test holds that over real recordings.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import re2

from opensoc_engine.errors import InternalError
from opensoc_engine.resources import data_root

if TYPE_CHECKING:
    from collections.abc import Mapping

# What `_build` understands, and what only people read.
_KNOWN = frozenset({"$ref", "additionalProperties", "const", "description", "enum"})
_KNOWN |= {"format", "items", "maxItems", "maxLength", "maximum", "minLength"}
_KNOWN |= {"minimum", "pattern", "properties", "required", "title", "type"}


@dataclass(frozen=True, slots=True)
class Fit:
    """A value as the schema takes it.

    Attributes:
        value: The value, or None where the schema has no room for it.
        cut: True if text was cut to the length that the schema allows.
    """

    value: Any
    cut: bool = False


_MISFIT = Fit(None)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar, or list of scalars, that a mapping may write."""

    schema: Mapping[str, Any]
    pattern: Any = None
    items: Leaf | None = None

    @property
    def type(self) -> str:
        """The JSON type; an enumeration counts as a string."""
        return str(self.schema.get("type", "string"))

    @property
    def is_ip(self) -> bool:
        """True where the schema asks for an IP address."""
        return self.schema.get("format") == "ip-address"

    def fit(self, value: Any) -> Fit:
        """The value as the schema takes it; `Fit(None)` if it has no room for it."""
        if self.items is not None:
            return self._fit_list(value)
        if "enum" in self.schema:
            return Fit(value) if value in self.schema["enum"] else _MISFIT
        if self.type == "string":
            return self._fit_text(value)
        if self.type == "boolean":
            return Fit(value) if isinstance(value, bool) else _MISFIT
        return self._fit_number(value)

    def _fit_list(self, value: Any) -> Fit:
        assert self.items is not None
        if not isinstance(value, list):
            return _MISFIT
        fits = map(self.items.fit, value)
        kept = [fit.value for fit in fits if fit.value is not None]
        limit = self.schema.get("maxItems", len(kept))
        return Fit(kept[:limit] or None, cut=len(kept) > limit)

    def _fit_text(self, value: Any) -> Fit:
        if not isinstance(value, str) or len(value) < self.schema.get("minLength", 0):
            return _MISFIT
        if self.pattern is not None and not self.pattern.search(value):
            return _MISFIT
        if self.is_ip and not _is_ip(value):
            return _MISFIT
        limit = self.schema.get("maxLength", len(value))
        if len(value) <= limit:
            return Fit(value)
        # An identifier that is cut is another identifier; only free text may be cut.
        free = self.pattern is None and not self.is_ip
        return Fit(value[:limit], cut=True) if free else _MISFIT

    def _fit_number(self, value: Any) -> Fit:
        allowed = (int,) if self.type == "integer" else (int, float)
        if isinstance(value, bool) or not isinstance(value, allowed):
            return _MISFIT
        low = self.schema.get("minimum", value)
        high = self.schema.get("maximum", value)
        return Fit(value) if low <= value <= high else _MISFIT


@dataclass(frozen=True, slots=True)
class Shape:
    """One object of the schema: its members, and which of them must be there."""

    members: Mapping[str, Shape | Leaf]
    required: frozenset[str]

    def leaf(self, path: tuple[str, ...]) -> Leaf | None:
        """The leaf at a path, or None if the schema has none there."""
        node: Shape | Leaf | None = self
        for name in path:
            node = node.members.get(name) if isinstance(node, Shape) else None
        return node if isinstance(node, Leaf) else None

    def leaves(self, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        """Every path that a mapping may write."""
        found = []
        for name, node in self.members.items():
            path = (*at, name)
            found += [path] if isinstance(node, Leaf) else node.leaves(path)
        return found

    def prune(self, tree: dict[str, Any], dropped: list[str], at: str = "") -> str:
        """Remove optional objects that lack a required member.

        Returns the first required member that is missing, "" if none is. A note of
        what was removed is added to `dropped`.
        """
        for name, node in self.members.items():
            if not isinstance(node, Shape) or name not in tree:
                continue
            missing = node.prune(tree[name], dropped, f"{at}{name}.")
            if missing and name in self.required:
                return missing
            if missing:
                del tree[name]
                dropped.append(f"left out: {at}{name}")
        absent = sorted(self.required - tree.keys())
        return f"{at}{absent[0]}" if absent else ""


def place(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Write a value at a path, making the objects above it."""
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _build(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Shape | Leaf:
    if "$ref" in schema:
        return _build(defs[schema["$ref"].rpartition("/")[2]], defs)
    unknown = schema.keys() - _KNOWN
    if unknown:
        raise InternalError(f"event.schema.json: no target for {sorted(unknown)}")
    if schema.get("type") == "object":
        members = {k: _build(v, defs) for k, v in schema["properties"].items()}
        return Shape(members, frozenset(schema.get("required", ())))
    items = _build(schema["items"], defs) if schema.get("type") == "array" else None
    pattern = re2.compile(schema["pattern"]) if "pattern" in schema else None
    return Leaf(schema, pattern, items if isinstance(items, Leaf) else None)


@cache
def event_shapes() -> dict[str, Shape]:
    """The `fields` of each event type of the event schema."""
    text = (data_root() / "schemas" / "event.schema.json").read_text("utf-8")
    document = json.loads(text)
    shapes: dict[str, Shape] = {}
    for branch in document["oneOf"]:
        kind = branch["properties"]["event_type"]
        shape = _build(branch["properties"]["fields"], document["$defs"])
        assert isinstance(shape, Shape)
        shapes |= dict.fromkeys(kind.get("enum") or [kind["const"]], shape)
    return shapes


@cache
def sensors() -> frozenset[str]:
    """The sensors that the event schema knows."""
    text = (data_root() / "schemas" / "event.schema.json").read_text("utf-8")
    return frozenset(json.loads(text)["$defs"]["sensor"]["enum"])
