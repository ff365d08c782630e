"""Keys that say whether two pieces of IR mean the same, type by type.

`1`, `1.0` and `true` are equal to Python, but policies tell them apart. Variables may
be called otherwise in both: they are counted in the order in which they are bound.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine import ir

if TYPE_CHECKING:
    from collections.abc import Iterable

Key: TypeAlias = tuple[Any, ...]


class Keys:
    """Keys of IR; large constants are looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Key]] = {}
        self._numbers: dict[Key, int] = {}

    def of(self, nodes: Any, parameters: Iterable[str] = ()) -> Key:
        """The key of a node, or of nodes; parameters count as bound first."""
        names = {name: at for at, name in enumerate(parameters)}
        return self._node(nodes, names)

    def _node(self, node: Any, names: dict[str, int]) -> Key:
        if isinstance(node, tuple):
            return tuple(self._node(part, names) for part in node)
        match node:
            case ir.Constant(value):
                return ("constant", self.constant(value))
            case ir.Variable(name):
                return ("variable", names.get(name, name))
            case ir.Collect(kind, block, key, value):
                inner = self._node(block, names)
                return ("collect", kind, inner, *self._node((key, value), names))
            case ir.Each() | ir.ForAll():
                return self._loop(node, names)
            case ir.Bind(name, value) | ir.Try(name, value):
                shown = self._node(value, names)
                return (type(node).__name__, shown, _bind(name, names))
        if isinstance(node, ir.Placed | ir.Block):
            parts = (getattr(node, name) for name in node.__dataclass_fields__)
            found = [type(node).__name__]
            return (*found, *(self._part(part, names) for part in parts))
        return (node,)

    def _part(self, part: Any, names: dict[str, int]) -> Any:
        is_node = isinstance(part, ir.Placed | ir.Block | tuple)
        return self._node(part, names) if is_node else _plain(part)

    def _loop(self, node: ir.Each | ir.ForAll, names: dict[str, int]) -> Key:
        shown = self._node(node.collection, names)
        key = None if node.key is None else _bind(node.key, names)
        head = (type(node).__name__, node.kind, shown, key, _bind(node.value, names))
        if isinstance(node, ir.ForAll):
            return (*head, self._node(node.block, names))
        return head

    def constant(self, value: Any) -> int:
        """A number that equal values of equal types share."""
        found = self._known.get(id(value))
        if found is None:
            found = self._known[id(value)] = (value, self._value(value))
        return self._numbers.setdefault(found[1], len(self._numbers))

    def _value(self, value: Any) -> Key:
        if isinstance(value, list | tuple):
            return ("array", *map(self.constant, value))
        if isinstance(value, frozenset):
            return ("set", *sorted(map(self.constant, value)))
        if isinstance(value, dict):
            pairs = [(k, self.constant(v)) for k, v in value.items()]
            return ("object", *pairs)
        shown = str(value) if isinstance(value, Decimal) else value
        return (type(value).__name__, shown)


def _plain(part: Any) -> Any:
    """Operators and names; places do not count."""
    return part if isinstance(part, str) else None


def _bind(name: str, names: dict[str, int]) -> int:
    names[name] = len(names)
    return names[name]
