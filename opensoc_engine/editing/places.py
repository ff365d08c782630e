"""Where a position stands in a tree of Rego, and which names can be read there."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from opensoc_engine.analysis.resolver import parts
from opensoc_engine.analysis.walk import COMPREHENSIONS, heads, own_expressions
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opensoc_engine.editing.programs import Unit
    from opensoc_engine.source import Span

Node: TypeAlias = "n.Body | n.Statement | n.Expression"


def chain_at(unit: Unit, source: str, offset: int) -> tuple[Node, ...]:
    """The nodes around an offset of a file, the outermost first; empty if none is."""

    def is_around(node: Node) -> bool:
        return node.span.source.name == source and holds(node.span, offset)

    for root in _roots(unit):
        if is_around(root):
            return tuple(_descend(root, is_around))
    return ()


def chain_to(unit: Unit, wanted: Callable[[Node], bool]) -> tuple[Node, ...]:
    """The nodes from a root down to the first that is wanted; empty if none is."""
    return next((way for root in _roots(unit) if (way := _way(root, wanted))), ())


def bound_names(unit: Unit, chain: tuple[Node, ...]) -> tuple[n.Name, ...]:
    """The variables that can be read at the end of a chain, the nearest last."""
    found = list(unit.parameters)
    if chain and chain[0] is unit.result:
        found += _all_bound(unit.body)
    for outer, inner in pairwise(chain):
        match outer:
            case n.Body(statements):
                for statement in statements:
                    if statement is inner:
                        break
                    found += names_of(statement)
            case n.Every(key, value, _, body) if inner is body:
                found += [name for name in (key, value) if name is not None]
            case n.ArrayComprehension() | n.SetComprehension():
                found += _all_bound(outer.body) if inner is not outer.body else ()
            case n.ObjectComprehension():
                found += _all_bound(outer.body) if inner is not outer.body else ()
    return tuple(found)


def names_of(statement: n.Statement) -> tuple[n.Name, ...]:
    """The variables that a line binds for the lines after it."""
    match statement:
        case n.Some(key, value):
            return (value,) if key is None else (key, value)
        case n.Assign(name):
            return (name,)
    return ()


def bindings(statement: Node) -> tuple[n.Name, ...]:
    """The variables that a line binds at all."""
    match statement:
        case n.Every(key, value):
            return (value,) if key is None else (key, value)
        case n.Some() | n.Assign():
            return names_of(statement)
    return ()


def binding_of(name: str, unit: Unit, chain: tuple[Node, ...]) -> n.Name | None:
    """Where a variable that is read at the end of a chain is bound."""
    found = [item for item in bound_names(unit, chain) if item.text == name]
    return found[-1] if found else None


def holds(span: Span, offset: int) -> bool:
    """True if an offset is in a span or at its end, where a cursor may stand."""
    return span.start <= offset <= span.end


def all_nodes(unit: Unit) -> Iterator[Node]:
    """Every node of a unit."""
    waiting = list(_roots(unit))
    while waiting:
        node = waiting.pop()
        yield node
        waiting += children(node)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly inside a node."""
    if isinstance(node, n.Body):
        return node.statements
    if isinstance(node, n.Every):
        return (node.collection, node.body)
    if isinstance(node, n.Some | n.Not | n.Assign | n.Condition):
        return own_expressions(node)
    if isinstance(node, COMPREHENSIONS):
        return (*heads(node), node.body)
    return parts(node)


def _roots(unit: Unit) -> tuple[Node, ...]:
    return (unit.body,) if unit.result is None else (unit.body, unit.result)


def _descend(node: Node, is_around: Callable[[Node], bool]) -> Iterator[Node]:
    current: Node | None = node
    while current is not None:
        yield current
        current = next((item for item in children(current) if is_around(item)), None)


def _way(node: Node, wanted: Callable[[Node], bool]) -> tuple[Node, ...]:
    if wanted(node):
        return (node,)
    for child in children(node):
        way = _way(child, wanted)
        if way:
            return (node, *way)
    return ()


def _all_bound(body: n.Body) -> tuple[n.Name, ...]:
    return tuple(name for line in body.statements for name in names_of(line))
