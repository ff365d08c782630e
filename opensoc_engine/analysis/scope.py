"""What is known at a line of a body: the types of variables, and how strict it is.

Facts that a line proves (a field is there, a union is one member) replace the type of
the variable for the lines after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from opensoc_engine import types as t
from opensoc_engine.analysis.narrowing import narrow, require
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Mapping


class Strictness(IntEnum):
    """What may be undefined at a place without a guard."""

    NOTHING_REFUSED = 0  # a line that is undefined does not hold
    FIELDS = 1  # optional fields must be guarded (plausibility policies)
    EVERYTHING = 2  # every value must be there (under `not`, in `every`)


@dataclass(slots=True)
class Scope:
    """Types by variable; `input` and `data` are variables too."""

    types: dict[str, t.Type | None]
    strictness: Strictness

    def child(self, strictness: Strictness | None = None) -> Scope:
        """A copy for an inner body, at least as strict."""
        level = max(self.strictness, strictness or self.strictness)
        return Scope(dict(self.types), level)

    def bind(self, name: str, kind: t.Type | None) -> None:
        """Give a variable its type; one bound twice, an error, keeps the first."""
        self.types.setdefault(name, kind)

    def require(self, path: Path) -> None:
        """From here on the value at the path is there."""
        kind = self.types.get(path.root)
        if kind is not None:
            self.types[path.root] = require(kind, path.steps)

    def narrow(self, path: Path, tags: frozenset[str]) -> None:
        """From here on the value at the path is one of `tags`."""
        kind = self.types.get(path.root)
        if kind is not None:
            self.types[path.root] = narrow(kind, path.steps, tags)


@dataclass(frozen=True, slots=True)
class Path:
    """Fields read one after the other from a variable."""

    root: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join((self.root, *self.steps))


def path_of(expression: n.Expression) -> Path | None:
    """The path that an expression is, if it is nothing but one."""
    if isinstance(expression, n.Name):
        return Path(expression.text, ())
    if isinstance(expression, n.Field):
        base = path_of(expression.base)
        if base is not None:
            return replace(base, steps=(*base.steps, expression.name))
    return None


@dataclass(frozen=True, slots=True)
class Instance:
    """A helper for one tuple of argument types.

    Attributes:
        name: Unique in the program.
        result: None if the helper has an error, which was reported.
        partial: True if a call may have no value.
        facts: One for each body of the helper.
    """

    name: str
    helper: str
    result: t.Type | None
    partial: bool
    facts: tuple[Facts, ...]


@dataclass(slots=True)
class Facts:
    """What the checker found out about the nodes of one unit, by node identity.

    Attributes:
        types: The type of each expression, and of each bound variable.
        partial: Expressions whose own last step may have no value.
        instances: The helper instance of each call or helper name.
    """

    _types: dict[int, t.Type] = field(default_factory=dict)
    _partial: set[int] = field(default_factory=set)
    _instances: dict[int, Instance] = field(default_factory=dict)

    def set_type(self, node: object, kind: t.Type) -> None:
        """Remember the type of a node."""
        self._types[id(node)] = kind

    def type_of(self, node: object) -> t.Type:
        """The type of a node that was checked without an error."""
        return self._types[id(node)]

    def find_type(self, node: object) -> t.Type | None:
        """The type of a node, or None if it was not checked or has an error."""
        return self._types.get(id(node))

    def set_partial(self, node: object) -> None:
        """Remember that a node may have no value."""
        self._partial.add(id(node))

    def is_partial(self, node: object) -> bool:
        """True if the node may have no value though its parts have."""
        return id(node) in self._partial

    @property
    def has_partial(self) -> bool:
        """True if any node may have no value."""
        return bool(self._partial)

    def set_instance(self, node: object, instance: Instance) -> None:
        """Remember which helper instance a node calls."""
        self._instances[id(node)] = instance

    def instance_of(self, node: object) -> Instance | None:
        """The helper instance that a node calls, if it calls a helper."""
        return self._instances.get(id(node))


@dataclass(frozen=True, slots=True)
class Environment:
    """What a program is checked against.

    Attributes:
        document: The type of `input`.
        lists: The type of `data.<name>` by name.
        forbidden: Trust labels that this kind of policy may not read.
        kind: The kind of policy, for messages.
        strictness: The least strictness of its bodies.
    """

    document: t.Type
    lists: Mapping[str, t.Type]
    forbidden: frozenset[str]
    kind: str
    strictness: Strictness

    def scope(self) -> Scope:
        """The scope at the start of a body."""
        fields = tuple(t.Field(name, kind) for name, kind in sorted(self.lists.items()))
        types: dict[str, t.Type | None] = {
            "input": self.document,
            "data": t.Object("data", fields),
        }
        return Scope(types, self.strictness)
