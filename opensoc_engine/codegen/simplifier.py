"""One body is rewritten: what is known is put in, and small helpers where they stand.

The steps keep their meaning and their order. What could grow without bounds has a
limit, at which a helper simply stays a call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.folding import FALSE, TRUE, field_of, folded
from opensoc_engine.codegen.rewriting import (
    Rewriter,
    all_bound,
    copied,
    height,
    inside,
    is_atom,
    size,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opensoc_engine.codegen.optimiser import Optimiser

MAX_INLINED = 160
MAX_EXCLUDED = 40
MAX_BODY = 2_000
MAX_HEIGHT = 24
# Elements of a constant list that `every` is written out for.
MAX_EVERY = 8

NEVER = ir.Block((ir.Test(FALSE),))


class Simplifier(Rewriter):
    """Rewrites one body; `values` are constants and names that stand for variables."""

    def __init__(
        self,
        optimiser: Optimiser,
        body: ir.Block,
        values: Mapping[str, ir.Expression],
        tail: tuple[ir.Expression, ...] = (),
    ) -> None:
        self._optimiser = optimiser
        self._values = dict(values)
        self._taken = {*all_bound(body), *variables(body, tail), *values}
        self._taken |= {
            name
            for part in inside(tail)
            if isinstance(part, ir.Collect)
            for name in all_bound(part.block)
        }
        self._room = MAX_BODY

    def fresh(self, name: str) -> str:
        """A name that nothing in this body has."""
        number = 2
        found = name
        while found in self._taken:
            found = f"{name}_{number}"
            number += 1
        self._taken.add(found)
        return found

    def block(self, block: ir.Block) -> ir.Block:
        """The block, simplified."""
        steps = self.steps(block, inline=True)
        return NEVER if steps is None else ir.Block(tuple(steps))

    def steps(self, block: ir.Block, *, inline: bool) -> list[ir.Step] | None:
        """The steps, simplified; None if one can never be taken."""
        found: list[ir.Step] = []
        for step in block.steps:
            more = self._one(step) if inline else [step]
            if more is None:
                return None
            found += more
        return found

    def _one(self, step: ir.Step) -> list[ir.Step] | None:
        match step:
            case ir.Test(condition):
                return self._test(step, self.expression(condition))
            case ir.Bind(name, value):
                return self._bind(step, name, self.expression(value))
            case ir.Try(name, value):
                return self._try(step, name, self.partial(value))
            case ir.Exclude(block):
                return self._exclude(step, self.steps(block, inline=True))
            case ir.Each(_, _, collection):
                source = self.expression(collection)
                return None if _is_empty(source) else [replace(step, collection=source)]
        return self._every(step)

    def _test(self, step: ir.Test, condition: ir.Expression) -> list[ir.Step] | None:
        if isinstance(condition, ir.Constant):
            return [] if condition.value else None
        if isinstance(condition, ir.HelperCall):
            function = self._optimiser.functions[condition.function]
            if not function.bodies:
                return None
            if any(not body.steps for body in function.bodies):
                return []
            if len(function.bodies) == 1 and _is_plain(function.bodies[0]):
                spliced = self._spliced(function, condition.arguments)
                if spliced is not None:
                    return spliced[0]
        return [replace(step, condition=condition)]

    def _bind(
        self, step: ir.Bind, name: str, value: ir.Expression
    ) -> list[ir.Step] | None:
        if is_atom(value):
            self._values[name] = value
            return []
        if isinstance(value, ir.HelperCall):
            function = self._optimiser.functions[value.function]
            if function.kind == "value":
                return self._result(step, name, function, value.arguments)
        return [replace(step, value=value)]

    def _result(
        self,
        step: ir.Bind | ir.Try,
        name: str,
        function: ir.Function,
        arguments: tuple[ir.Expression, ...],
    ) -> list[ir.Step]:
        """Steps that bind the result of a value helper."""
        spliced = None
        if not any(isinstance(part, ir.Collect) for part in inside(function)):
            spliced = self._spliced(function, arguments)
        if spliced is None:
            call: ir.Step
            if isinstance(step, ir.Bind):
                call = replace(step, value=ir.HelperCall(function.name, arguments))
            else:
                call = replace(step, value=ir.PartialHelper(function.name, arguments))
            return [call]
        steps, (result,) = spliced
        if is_atom(result):
            self._values[name] = result
            return steps
        return [*steps, ir.Bind(name, result, span=step.span)]

    def _try(self, step: ir.Try, name: str, value: ir.Partial) -> list[ir.Step] | None:
        known = field_of(value)
        if known is not None:
            self._values[name] = known
            return []
        if isinstance(value, ir.PartialHelper):
            function = self._optimiser.functions[value.function]
            return self._result(step, name, function, value.arguments)
        return [replace(step, value=value)]

    def _exclude(
        self, step: ir.Exclude, inner: list[ir.Step] | None
    ) -> list[ir.Step] | None:
        if inner is None:
            return []
        if not inner:
            return None
        match inner:
            case [ir.Test(ir.HelperCall(name, arguments))]:
                return self._exclude_all(step, name, arguments)
        return [replace(step, block=ir.Block(tuple(inner)))]

    def _exclude_all(
        self, step: ir.Exclude, name: str, arguments: tuple[ir.Expression, ...]
    ) -> list[ir.Step]:
        """No body of a predicate can be fulfilled: each is excluded on its own."""
        function = self._optimiser.functions[name]
        call = ir.Test(ir.HelperCall(name, arguments), span=step.span)
        found: list[ir.Step] = []
        for body in function.bodies:
            spliced = None
            if _is_straight(body) and size(body) <= MAX_EXCLUDED:
                single = replace(function, bodies=(body,))
                spliced = self._spliced(single, arguments)
            if spliced is None:
                return [replace(step, block=ir.Block((call,)))]
            found.append(replace(step, block=ir.Block(tuple(spliced[0]))))
        return found

    def _every(self, step: ir.ForAll) -> list[ir.Step] | None:
        source = self.expression(step.collection)
        if _is_empty(source):
            return []
        elements = _elements(source) if step.key is None else None
        if elements is not None and not all_bound(step.block):
            return self._written_out(step, elements)
        inner = self.block(step.block)
        return [replace(step, collection=source, block=inner)]

    def _written_out(
        self, step: ir.ForAll, elements: list[ir.Constant]
    ) -> list[ir.Step] | None:
        found: list[ir.Step] = []
        for element in elements:
            self._values[step.value] = element
            steps = self.steps(step.block, inline=True)
            if steps is None:
                return None
            found += steps
        return found

    def _spliced(
        self, function: ir.Function, arguments: tuple[ir.Expression, ...]
    ) -> tuple[list[ir.Step], tuple[ir.Expression, ...]] | None:
        """The steps and results of a helper's only body, with its arguments put in."""
        weight = size(function.bodies, function.results)
        if weight > min(MAX_INLINED, self._room):
            return None
        self._room -= weight
        steps: list[ir.Step] = []
        values: dict[str, ir.Expression] = {}
        for parameter, argument in zip(function.parameters, arguments, strict=True):
            values[parameter] = argument
            if not is_atom(argument):
                name = self.fresh(parameter)
                steps.append(ir.Bind(name, argument))
                values[parameter] = ir.Variable(name)
        body = function.bodies[0]
        block, results = copied(body, function.results, values, self.fresh)
        return [*steps, *block.steps], results

    def partial(self, node: ir.Partial) -> ir.Partial:
        """The operation, with a helper that knows its constants."""
        arguments = self.all(node.arguments)
        if isinstance(node, ir.PartialHelper):
            name, rest = self._called(node.function, arguments)
            return replace(node, function=name, arguments=rest)
        return replace(node, arguments=arguments)

    def _called(
        self, name: str, arguments: tuple[ir.Expression, ...]
    ) -> tuple[str, tuple[ir.Expression, ...]]:
        known = {
            at: node if isinstance(node, ir.Constant) else _ARGUMENT_TIME
            for at, node in enumerate(arguments)
            if isinstance(node, ir.Constant) or _is_time(node)
        }
        special = self._optimiser.special(name, known)
        if special == name:
            return name, arguments
        return special, tuple(
            node.arguments[0]
            if isinstance(node, ir.BuiltinCall) and at in known
            else node
            for at, node in enumerate(arguments)
            if not isinstance(node, ir.Constant)
        )

    def expression(self, node: ir.Expression) -> ir.Expression:
        """The expression, with what is known put in."""
        if isinstance(node, ir.Variable):
            return self._values.get(node.name, node)
        found = super().expression(node)
        if isinstance(found, ir.HelperCall):
            name, rest = self._called(found.function, found.arguments)
            return self._inlined(replace(found, function=name, arguments=rest))
        return folded(found)

    def _inlined(self, call: ir.HelperCall) -> ir.Expression:
        """What a call says, if that is one short expression."""
        function = self._optimiser.functions[call.function]
        if function.kind == "predicate":
            if not function.bodies:
                return FALSE
            return TRUE if any(not body.steps for body in function.bodies) else call
        if function.kind != "value" or function.bodies[0].steps:
            return call
        (result,) = function.results
        if isinstance(result, ir.Constant):
            return result
        if not self._is_worth_it(function, call.arguments, result):
            return call
        self._room -= size(function.results)
        values = dict(zip(function.parameters, call.arguments, strict=True))
        return _Put(values).expression(result)

    def _is_worth_it(
        self,
        function: ir.Function,
        arguments: tuple[ir.Expression, ...],
        result: ir.Expression,
    ) -> bool:
        parts = inside(result)
        if any(isinstance(part, ir.Collect) for part in parts):
            return False
        read = [part.name for part in parts if isinstance(part, ir.Variable)]
        once = all(
            read.count(name) <= 1 or is_atom(argument)
            for name, argument in zip(function.parameters, arguments, strict=True)
        )
        tallest = max(map(height, arguments), default=0) + height(result)
        return once and tallest <= MAX_HEIGHT and len(parts) <= min(30, self._room)


# What a helper is told of an argument that is the instant of a time.
_ARGUMENT_TIME = ir.BuiltinCall("time.parse_rfc3339_ns", (ir.Input(),))


def _is_time(node: ir.Expression) -> bool:
    """True for a call that takes long, and that a helper may not need."""
    return isinstance(node, ir.BuiltinCall) and node.name == _ARGUMENT_TIME.name


class _Put(Rewriter):
    """Puts arguments where parameters stood, and folds what that makes known."""

    def __init__(self, values: Mapping[str, ir.Expression]) -> None:
        self._values = values

    def expression(self, node: ir.Expression) -> ir.Expression:
        if isinstance(node, ir.Variable):
            return self._values.get(node.name, node)
        return folded(super().expression(node))


def _is_plain(block: ir.Block) -> bool:
    """True for a block without loops and comprehensions: those are remembered."""
    return not any(
        isinstance(part, ir.Each | ir.ForAll | ir.Collect) for part in inside(block)
    )


def _is_straight(block: ir.Block) -> bool:
    """True if there is at most one way through a block."""
    return not any(isinstance(step, ir.Each) for step in block.steps)


def _is_empty(source: ir.Expression) -> bool:
    return isinstance(source, ir.Constant) and not source.value


def _elements(source: ir.Expression) -> list[ir.Constant] | None:
    """The elements of a short constant array or set."""
    if not isinstance(source, ir.Constant) or isinstance(source.value, dict):
        return None
    values: Iterable[object] = source.value
    if isinstance(source.value, frozenset):
        values = sorted(source.value)
    found = [ir.Constant(value) for value in values]
    return found if len(found) <= MAX_EVERY else None
