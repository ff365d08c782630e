"""IR is evaluated as it stands: slow and obvious, the oracle of the code generator.

A block maps the list of ways so far to the next list, line by line, and tries them all.
Solutions come in the order of generated code, because each step keeps the order. Who
wants to know what happens at each step can watch.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine import ir, runtime
from opensoc_engine.builtins import BUILTINS
from opensoc_engine.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opensoc_engine.ir import Solution

# The values of the variables that are bound so far.
Way: TypeAlias = dict[str, Any]
# Is told of each step, the way that reached it, and the ways on after it.
Watch: TypeAlias = "Callable[[ir.Step, Way, list[Way]], None]"

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
    "in_values": lambda element, values: element in values.values(),
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": runtime.times,
    "negate": operator.neg,
    "add_exact": runtime.add,
    "subtract_exact": runtime.subtract,
    "multiply_exact": runtime.multiply,
    "negate_exact": runtime.negate,
    "intersect": operator.and_,
    "unite": operator.or_,
    "except": operator.sub,
    "lookup": operator.getitem,
    "field": lambda values, key: values.get(key),
    "item": runtime.item,
    "divide": runtime.divide,
    "modulo": runtime.modulo,
}


def interpret(
    module: ir.Module,
) -> Mapping[str, Callable[[Any, dict[str, Any]], Iterator[Solution]]]:
    """For each rule id, its solutions for a document and an empty dictionary.

    The dictionary keeps helpers without parameters for one document.
    """
    functions = {function.name: function for function in module.functions}
    return {rule.id: partial(_solutions, functions, rule) for rule in module.rules}


def _solutions(
    functions: Mapping[str, ir.Function],
    rule: ir.Rule,
    document: Any,
    cache: dict[str, Any],
) -> Iterator[Solution]:
    evaluation = Evaluation(functions, document, cache)
    for body in rule.bodies:
        for way in evaluation.ways(body.block, {}):
            parts = [evaluation.value(part, way) for part in body.evidence]
            value = None if body.value is None else evaluation.value(body.value, way)
            yield _flat(parts), value


def _flat(parts: list[Any]) -> tuple[str, ...]:
    """Strings, and the strings of arrays, each once."""
    arrays = [[part] if isinstance(part, str) else part for part in parts]
    return tuple(dict.fromkeys(text for array in arrays for text in array))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One document; `cache` keeps helpers without parameters."""

    functions: Mapping[str, ir.Function]
    document: Any
    cache: dict[str, Any]
    watch: Watch | None = None

    def ways(self, block: ir.Block, start: Way) -> list[Way]:
        """Every way to fulfil a block."""
        found = [start]
        for step in block.steps:
            found = [after for way in found for after in self.step(step, way)]
        return found

    def step(self, step: ir.Step, way: Way) -> list[Way]:
        """The ways on after one step: none, one, or one for each element."""
        after = self._step(step, way)
        if self.watch is not None:
            self.watch(step, way, after)
        return after

    def _step(self, step: ir.Step, way: Way) -> list[Way]:
        match step:
            case ir.Each(key, name, collection, kind):
                values = self.value(collection, way)
                return [
                    _bound(way, key, name, element)
                    for element in _elements(values, kind)
                ]
            case ir.Test(condition):
                return [way] if self.value(condition, way) else []
            case ir.Bind(name, value):
                return [{**way, name: self.value(value, way)}]
            case ir.Try(name, value):
                found = self._partial(value, way)
                return [] if found is None else [{**way, name: found}]
            case ir.Exclude(block):
                return [] if self.ways(block, way) else [way]
            case ir.ForAll():
                return [way] if self._holds_for_all(step, way) else []

    def _holds_for_all(self, step: ir.ForAll, way: Way) -> bool:
        elements = _elements(self.value(step.collection, way), step.kind)
        starts = [_bound(way, step.key, step.value, element) for element in elements]
        return all(self.ways(step.block, start) for start in starts)

    def _partial(self, node: ir.Partial, way: Way) -> Any:
        """A value, or None where there is none."""
        arguments = [self.value(argument, way) for argument in node.arguments]
        match node:
            case ir.PartialOperation(name):
                return _OPERATORS[name](*arguments)
            case ir.PartialBuiltin(name):
                return BUILTINS[name].implementation(*arguments)
            case ir.PartialHelper(function):
                return self._call(function, arguments)

    def value(self, node: ir.Expression, way: Way) -> Any:
        """The value of an expression."""
        match node:
            case ir.Constant(value):
                return value
            case ir.Input():
                return self.document
            case ir.Variable(name):
                return way[name]
            case ir.Member(base, name):
                return self.value(base, way)[name]
            case ir.Default(base, path, default):
                keys = tuple(self.value(key, way) for key in path)
                target, other = self.value(base, way), self.value(default, way)
                return runtime.default_at(target, keys, other)
            case ir.Operation(name, arguments):
                return _OPERATORS[name](*self._all(arguments, way))
            case ir.BuiltinCall(name, arguments):
                return BUILTINS[name].implementation(*self._all(arguments, way))
            case ir.HelperCall(function, arguments):
                return self._call(function, self._all(arguments, way))
            case ir.Display(kind, items):
                values = tuple(self._all(items, way))
                return values if kind == "array" else frozenset(values)
            case ir.ObjectDisplay(pairs):
                return {self.value(k, way): self.value(v, way) for k, v in pairs}
            case ir.Collect():
                return self._collect(node, way)
        raise InternalError(f"`{type(node).__name__}` is not an expression")

    def _all(self, nodes: tuple[ir.Expression, ...], way: Way) -> list[Any]:
        return [self.value(node, way) for node in nodes]

    def _collect(self, node: ir.Collect, start: Way) -> Any:
        ways = self.ways(node.block, start)
        values = [self.value(node.value, way) for way in ways]
        if node.kind == "array":
            return values
        if node.kind == "set":
            return frozenset(values)
        assert node.key is not None
        keys = [self.value(node.key, way) for way in ways]
        # The first of two values for one key is kept: it is put in last.
        return dict(reversed(list(zip(keys, values, strict=True))))

    def _call(self, name: str, arguments: list[Any]) -> Any:
        function = self.functions[name]
        if function.parameters:
            return self._apply(function, arguments)
        if name not in self.cache:
            self.cache[name] = self._apply(function, [])
        return self.cache[name]

    def _apply(self, function: ir.Function, arguments: list[Any]) -> Any:
        start = dict(zip(function.parameters, arguments, strict=True))
        if function.kind == "predicate":
            return any(self.ways(block, start) for block in function.bodies)
        results = [
            self.value(result, way)
            for block, result in zip(function.bodies, function.results, strict=True)
            for way in self.ways(block, start)
        ]
        if function.kind == "set":
            return frozenset(results)
        return results[0] if results else None


def _elements(values: Any, kind: ir.Kind) -> list[tuple[Any, Any]]:
    """Keys and elements: indexes, the elements of a set themselves, or keys."""
    if kind == "array":
        return list(enumerate(values))
    if kind == "set":
        return [(value, value) for value in sorted(values)]
    return [(key, values[key]) for key in sorted(values)]


def _bound(way: Way, key: str | None, name: str, element: tuple[Any, Any]) -> Way:
    """A way with the variables of a loop bound to an element."""
    after = {**way, name: element[1]}
    if key is not None:
        after[key] = element[0]
    return after
