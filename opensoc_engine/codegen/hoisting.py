"""Slow calls are made once where their arguments are known, not in every round."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.rewriting import Rewriter, bound_by, variables
from opensoc_engine.codegen.schedule import is_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.codegen.keys import Key, Keys

_SLOW = {"time.parse_rfc3339_ns", "lower", "upper"}


class Hoister(Rewriter):
    """Binds slow calls in scheduled blocks; `number` makes names unique."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._number = 0
        self._is_search = False

    def function(self, function: ir.Function) -> ir.Function:
        """The helper; a predicate searches for one row that fulfils its body.

        Most rows fail at a line that compares fields, so what other lines call waits
        until those hold.
        """
        bodies = []
        for body in function.bodies:
            self._is_search = function.kind == "predicate"
            bodies.append(self.block(body))
        self._is_search = False
        results = self.all(function.results)
        return replace(function, bodies=tuple(bodies), results=results)

    def block(self, block: ir.Block) -> ir.Block:
        """The block and those in it, with calls made as early as they can be."""
        is_search, self._is_search = self._is_search, False
        steps = super().block(block).steps
        if not any(isinstance(step, ir.Each) for step in steps):
            return ir.Block(steps)
        return ir.Block(tuple(self._hoisted(steps, is_search=is_search)))

    def _hoisted(self, steps: tuple[ir.Step, ...], *, is_search: bool) -> list[ir.Step]:
        levels = _levels(steps)
        level_of = {
            name: at
            for at, level in enumerate(levels)
            for step in level
            for name in bound_by(step)
        }
        bound: dict[Key, str] = {}
        found: list[list[ir.Step]] = [[] for _ in levels]
        for at, level in enumerate(levels):
            uses = Counter(self._keys.of(call) for s in level for call in _slow(s))
            for step in level:
                names: dict[int, str] = {}
                for call in _slow(step):
                    key = self._keys.of(call)
                    read = (level_of.get(name, 0) for name in variables(call))
                    place = max(read, default=0)
                    if is_search and not _compares(step):
                        place = at
                    if key not in bound and (place < at or uses[key] > 1):
                        bound[key] = self._bind(call, found[place])
                    if key in bound:
                        names[id(call)] = bound[key]
                found[at].append(_Named(names).step(step) if names else step)
        return [step for level in found for step in level]

    def _bind(self, call: ir.BuiltinCall, level: list[ir.Step]) -> str:
        """Bind the value of a call at the end of what a level has so far."""
        # No name of a policy begins with a digit.
        self._number += 1
        name = f"{self._number}_call"
        level.append(ir.Bind(name, call))
        return name


def _compares(step: ir.Step) -> bool:
    """True for a line that can pick rows."""
    return isinstance(step, ir.Test) and (
        isinstance(step.condition, ir.Operation) and step.condition.operator == "eq"
    )


def _levels(steps: tuple[ir.Step, ...]) -> list[list[ir.Step]]:
    """The steps before the first loop, and those of each loop.

    Most look-ups in a table give no rows, so such a loop begins no level.
    """
    found: list[list[ir.Step]] = [[]]
    for step in steps:
        if isinstance(step, ir.Each) and not is_table(step.collection):
            found.append([])
        found[-1].append(step)
    return found


def _slow(node: object) -> Iterator[ir.BuiltinCall]:
    """Slow calls of a step that are made whenever the step is taken."""
    match node:
        case ir.Test(condition):
            yield from _slow(condition)
        case ir.Bind(_, value) | ir.Try(_, value):
            yield from _slow(value)
        case ir.BuiltinCall(name) if name in _SLOW:
            yield node
        case ir.Operation() | ir.BuiltinCall() | ir.HelperCall():
            for part in node.arguments:
                yield from _slow(part)


class _Named(Rewriter):
    """Puts variables where calls stood."""

    def __init__(self, names: dict[int, str]) -> None:
        self._names = names

    def step(self, step: ir.Step) -> ir.Step:
        match step:
            case ir.Test(condition):
                return replace(step, condition=self.expression(condition))
            case ir.Bind(_, value):
                return replace(step, value=self.expression(value))
            case ir.Try(_, value):
                arguments = tuple(map(self.expression, value.arguments))
                return replace(step, value=replace(value, arguments=arguments))
        return step

    def expression(self, node: ir.Expression) -> ir.Expression:
        name = self._names.get(id(node))
        return super().expression(node) if name is None else ir.Variable(name)
