"""What is known before anything runs is worked out while the rules compile."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir, runtime
from opensoc_engine.builtins import BUILTINS
from opensoc_engine.codegen.rewriting import Rewriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TRUE = ir.Constant(value=True)
FALSE = ir.Constant(value=False)
# A value that would be larger is left to the evaluation.
_MAX_TEXT = 10_000
_MAX_ITEMS = 1_000

_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "same": runtime.same,
    "differ": lambda left, right: not runtime.same(left, right),
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "in": lambda element, values: element in values,
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": runtime.times,
    "negate": operator.neg,
    "add_exact": runtime.add,
    "subtract_exact": runtime.subtract,
    "multiply_exact": runtime.multiply,
    "negate_exact": runtime.negate,
}


def folded(node: ir.Expression) -> ir.Expression:
    """The expression, or the constant that it is known to be."""
    match node:
        case ir.Member(ir.Constant(value), name):
            return replace(node.base, value=value[name])
        case ir.Operation("in", (element, ir.Display("set", (only,)))):
            return replace(node, operator="eq", arguments=(element, only))
        case ir.Operation(name, arguments) if name in _OPERATORS:
            return _computed(node, _OPERATORS[name], arguments)
        case ir.BuiltinCall(name, arguments):
            return _computed(node, BUILTINS[name].implementation, arguments)
        case ir.Collect("array" | "set", ir.Block((ir.Each() as each,)), None):
            return _gathered(node, each)
    return node


def _gathered(node: ir.Collect, each: ir.Each) -> ir.Expression:
    """What a comprehension takes from each element of a constant, if that is known."""
    source, path = each.collection, _path(node.value, each.value)
    if not isinstance(source, ir.Constant) or each.kind == "object" or path is None:
        return node
    if not _is_small(source.value):
        return node
    elements = sorted(source.value) if each.kind == "set" else source.value
    found = tuple(_at(element, path) for element in elements)
    value = found if node.kind == "array" else frozenset(found)
    return ir.Constant(value, span=node.span)


def _path(node: ir.Expression, element: str) -> tuple[str, ...] | None:
    """The fields that lead from an element to a value; None if it is no such value."""
    match node:
        case ir.Variable(name) if name == element:
            return ()
        case ir.Member(base, name):
            path = _path(base, element)
            return None if path is None else (*path, name)
    return None


def _at(element: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        element = element[name]
    return element


class Same(Rewriter):
    """Puts arrays where comprehensions gave just their elements."""

    def expression(self, node: ir.Expression) -> ir.Expression:
        """The expression without copies of arrays."""
        match node:
            case ir.Collect(
                "array",
                ir.Block((ir.Each(None, name, source, "array"),)),
                None,
                ir.Variable(value),
            ) if name == value:
                return self.expression(source)
        return super().expression(node)


def _computed(
    node: ir.Expression,
    implementation: Callable[..., Any],
    arguments: tuple[ir.Expression, ...],
) -> ir.Expression:
    values = [part.value for part in arguments if isinstance(part, ir.Constant)]
    if len(values) < len(arguments) or not all(map(_is_small, values)):
        return node
    found = implementation(*values)
    found = tuple(found) if isinstance(found, list) else found
    return ir.Constant(found, span=node.span) if _is_small(found) else node


def _is_small(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_TEXT
    if isinstance(value, tuple | list | frozenset | dict):
        return len(value) <= _MAX_ITEMS
    return True


def field_of(partial: ir.Partial) -> ir.Constant | None:
    """The constant that a field of a constant object is, if it is there."""
    match partial:
        case ir.PartialOperation("field", (ir.Constant(value), ir.Constant(key))):
            found = value.get(key)
            return None if found is None else ir.Constant(found, span=partial.span)
    return None
