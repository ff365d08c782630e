"""How many elements of which streams a body needs at least.

A body whose streams are too short can't be fulfilled and is never looked at. What is
found here is necessary, never sufficient: the body itself decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, TypeAlias

from opensoc_engine import ir
from opensoc_engine.codegen.rewriting import bound_by, variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opensoc_engine.codegen.streams import Index, Stream

# The stream that bounds the length of an array or set; true if each element of it is an
# element of the stream, at most once.
Bound: TypeAlias = tuple[int, bool]
Bounds: TypeAlias = dict[str, Bound]

_MAX_DEPTH = 8
_TURNED = {"le": "ge", "lt": "gt", "eq": "eq"}
_SAME_LENGTH = {"sort", "array.slice", "object.keys"}


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over elements of a stream that a body needs.

    Attributes:
        element: The variable of an element in `block` and `value`.
        block: Steps that bind what `value` reads; elements that fail count for 0.
        least: What the positive values of all elements must come to.
    """

    stream: int
    element: str
    block: ir.Block
    value: ir.Expression
    least: int


@dataclass(slots=True)
class Needs:
    """What a body needs: numbers of elements by stream, and sums over them."""

    counts: dict[int, int] = field(default_factory=dict)
    totals: list[Total] = field(default_factory=list)

    def add(self, other: Needs) -> None:
        """Need both."""
        for stream, number in other.counts.items():
            self.counts[stream] = max(number, self.counts.get(stream, 0))
        self.totals += other.totals


@dataclass(frozen=True, slots=True)
class NeedFinder:
    """Looks through bodies and the helpers that they call."""

    functions: Mapping[str, ir.Function]
    streams: Mapping[str, Stream]
    indexes: Mapping[str, Index]

    def needs(self, block: ir.Block) -> Needs:
        """What a body of a rule needs."""
        return self._block(block.steps, {}, 0)

    def _block(self, steps: Iterable[ir.Step], bounds: Bounds, depth: int) -> Needs:
        found = Needs()
        for step in steps:
            found.add(self._step(step, bounds, depth))
        return found

    def _step(self, step: ir.Step, bounds: Bounds, depth: int) -> Needs:
        match step:
            case ir.Each(_, _, collection):
                found = self._at_least(1, collection, bounds, depth)
                stream = self._stream(collection)
                if stream is not None and depth < _MAX_DEPTH:
                    found.add(self._block(stream.block.steps, {}, depth + 1))
                return found
            case ir.Bind(name, value):
                bound = self._bound(value, bounds, depth)
                if bound is not None:
                    bounds[name] = bound
            case ir.Test(condition):
                return self._condition(condition, bounds, depth)
            case ir.Try(name, ir.PartialHelper(function, arguments)):
                bound = self._result(function, arguments, bounds, depth)
                if bound is not None:
                    bounds[name] = bound
            case ir.Try(_, ir.PartialOperation("item", (array, _))):
                return self._at_least(1, array, bounds, depth)
            case ir.Try(_, ir.PartialBuiltin("max" | "min", (array,))):
                return self._at_least(1, array, bounds, depth)
        return Needs()

    def _at_least(
        self, number: int, node: ir.Expression, bounds: Bounds, depth: int
    ) -> Needs:
        bound = self._bound(node, bounds, depth)
        return Needs() if bound is None or number < 1 else Needs({bound[0]: number})

    def _condition(self, condition: ir.Expression, bounds: Bounds, depth: int) -> Needs:
        match condition:
            case ir.Operation("ge" | "gt" | "eq" as name, (left, ir.Constant(value))):
                return self._compared(left, name, value, bounds, depth)
            case ir.Operation("le" | "lt" | "eq" as name, (ir.Constant(value), right)):
                return self._compared(right, _TURNED[name], value, bounds, depth)
            case ir.Operation("in", (_, values)):
                return self._at_least(1, values, bounds, depth)
            case ir.HelperCall(name, arguments) if depth < _MAX_DEPTH:
                return self._predicate(name, arguments, bounds, depth)
        return Needs()

    def _compared(
        self,
        node: ir.Expression,
        name: str,
        value: object,
        bounds: Bounds,
        depth: int,
    ) -> Needs:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return Needs()
        match node:
            case ir.BuiltinCall("count", (counted,)):
                least = int(value) + 1 if name == "gt" else ceil(value)
                return self._at_least(least, counted, bounds, depth)
            # The sum of nothing is 0.
            case ir.BuiltinCall("sum", (added,)) if value > 0:
                found = self._at_least(1, added, bounds, depth)
                found.totals += self._totals(added, int(value), bounds)
                return found
        return Needs()

    def _totals(self, added: ir.Expression, value: int, bounds: Bounds) -> list[Total]:
        """The sum over a whole stream that a sum over some of its elements needs."""
        match added:
            case ir.Collect(
                "array",
                ir.Block((ir.Each(None, name, ir.Variable(source), _), *steps)),
                None,
                head,
            ) if source in bounds and bounds[source][1] and _is_own(steps, name, head):
                block = ir.Block(tuple(s for s in steps if bound_by(s)))
                # A little less than the sum, for decimals are rounded.
                least = value - value // 1000 - 1
                return [Total(bounds[source][0], name, block, head, least)]
        return []

    def _predicate(
        self,
        name: str,
        arguments: tuple[ir.Expression, ...],
        bounds: Bounds,
        depth: int,
    ) -> Needs:
        """What all bodies of a predicate need, each perhaps in another number."""
        function = self.functions.get(name)
        if function is None or not function.bodies:
            return Needs()
        known = self._known(function, arguments, bounds, depth)
        each = [self._block(b.steps, dict(known), depth + 1) for b in function.bodies]
        if len(each) == 1:
            return each[0]
        shared = set(each[0].counts).intersection(*(found.counts for found in each))
        return Needs({at: min(found.counts[at] for found in each) for at in shared})

    def _known(
        self,
        function: ir.Function,
        arguments: tuple[ir.Expression, ...],
        bounds: Bounds,
        depth: int,
    ) -> Bounds:
        found = {}
        for name, argument in zip(function.parameters, arguments, strict=True):
            bound = self._bound(argument, bounds, depth)
            if bound is not None:
                found[name] = bound
        return found

    def _stream(self, node: ir.Expression) -> Stream | None:
        """The stream that a loop goes over, or looks something up in."""
        match node:
            case ir.HelperCall(name, ()):
                return self.streams.get(name)
            case ir.Default(ir.HelperCall(name, ()), _, ir.Constant(())) if (
                name in self.indexes
            ):
                return self.streams.get(f"s{self.indexes[name].stream}")
        return None

    def _bound(self, node: ir.Expression, bounds: Bounds, depth: int) -> Bound | None:
        """The stream that has at least as many elements as a value."""
        if depth > _MAX_DEPTH:
            return None
        stream = self._stream(node)
        if stream is not None:
            return stream.number, True
        match node:
            case ir.Variable(name):
                return bounds.get(name)
            case ir.Collect(_, block):
                loop = self._only_loop(block, bounds, depth)
                return None if loop is None else (loop[0], loop[1] and _keeps(node))
            case ir.BuiltinCall(name, (values, *_)) if name in _SAME_LENGTH:
                return self._bound(values, bounds, depth + 1)
            case ir.HelperCall(name, arguments):
                return self._result(name, arguments, bounds, depth)
        return None

    def _only_loop(self, block: ir.Block, bounds: Bounds, depth: int) -> Bound | None:
        """The stream that bounds the ways through a block with one loop."""
        loops = [step for step in block.steps if isinstance(step, ir.Each)]
        if len(loops) != 1:
            return None
        return self._bound(loops[0].collection, bounds, depth + 1)

    def _result(
        self,
        name: str,
        arguments: tuple[ir.Expression, ...],
        bounds: Bounds,
        depth: int,
    ) -> Bound | None:
        function = self.functions.get(name)
        if function is None or len(function.bodies) != 1:
            return None
        known = self._known(function, arguments, bounds, depth + 1)
        body = function.bodies[0]
        if function.kind == "set":
            loop = self._only_loop(body, known, depth + 1)
            return None if loop is None else (loop[0], False)
        if function.kind != "value":
            return None
        for step in body.steps:
            if isinstance(step, ir.Bind):
                bound = self._bound(step.value, known, depth + 1)
                if bound is not None:
                    known[step.name] = bound
        return self._bound(function.results[0], known, depth + 1)


def _keeps(node: ir.Collect) -> bool:
    """True if a comprehension gives the elements that it loops over."""
    return node.kind == "array" and any(
        isinstance(step, ir.Each) and node.value == ir.Variable(step.value)
        for step in node.block.steps
    )


def _is_own(steps: Iterable[ir.Step], name: str, head: ir.Expression) -> bool:
    """True if a sum reads nothing but the elements that it is over."""
    mine = {name}
    for step in steps:
        if isinstance(step, ir.Each):
            return False
        if not bound_by(step):
            continue
        if not variables(step) <= mine:
            return False
        mine.update(bound_by(step))
    return variables(head) <= mine
