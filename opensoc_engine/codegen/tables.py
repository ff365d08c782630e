"""Loops over constant lists in predicates become look-ups, or are written out.

A predicate asks only whether there is a way, so the order and number of ways through
its bodies is free. A line that says that a field of the row is equal to something from
outside of the loop picks the rows; where there is none, a short list becomes one body a
row, with its values in place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine.codegen.rewriting import copied, size, variables
from opensoc_engine.codegen.schedule import dependent, scheduled
from opensoc_engine.codegen.simplifier import Simplifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opensoc_engine.codegen.optimiser import Optimiser

# Rows of a list that is written out, and parts of all the bodies that this makes.
MAX_ROWS = 64
MAX_PARTS = 2_500
MAX_BODIES = 6


def tabled(function: ir.Function, optimiser: Optimiser) -> ir.Function:
    """The predicate with its constant lists looked up or written out."""
    bodies: list[ir.Block] = []
    for body in function.bodies:
        expander = _Expander(optimiser, function.parameters)
        bodies += expander.expanded(body)
    if size(tuple(bodies)) > MAX_PARTS:
        return function
    return replace(function, bodies=tuple(bodies))


class _Expander:
    """Makes the bodies that one body becomes."""

    def __init__(self, optimiser: Optimiser, parameters: tuple[str, ...]) -> None:
        self._optimiser = optimiser
        self._parameters = parameters

    def expanded(self, body: ir.Block) -> list[ir.Block]:
        """Bodies that hold where the body holds; none if it never does."""
        steps = scheduled(body).steps
        for at, step in enumerate(steps):
            if isinstance(step, ir.Each) and _rows(step) is not None:
                found = self._looked_up(steps, at) or self._distributed(steps, at)
                return found or self._written_out(steps, at)
        return [ir.Block(steps)]

    def _looked_up(self, steps: tuple[ir.Step, ...], at: int) -> list[ir.Block] | None:
        """The body with the rows picked by the first line that can pick them."""
        each = steps[at]
        assert isinstance(each, ir.Each)
        inner = dependent(steps[at + 1 :], {each.value})
        for place, step in enumerate(steps[at + 1 :], at + 1):
            if isinstance(step, ir.Each):
                return None
            picked = _picks(step, each, inner)
            if picked is not None:
                name, outer = picked
                table = _table(_rows(each) or (), name)
                source = ir.Default(table, (outer,), ir.Constant(()))
                loop = replace(each, collection=source)
                rest = steps[at + 1 : place] + steps[place + 1 :]
                return [ir.Block((*steps[:at], loop, *rest))]
        return None

    def _distributed(
        self, steps: tuple[ir.Step, ...], at: int
    ) -> list[ir.Block] | None:
        """One body for each way of a predicate of the row, if all pick rows."""
        each = steps[at]
        assert isinstance(each, ir.Each)
        for place, step in enumerate(steps[at + 1 :], at + 1):
            if isinstance(step, ir.Test) and isinstance(step.condition, ir.HelperCall):
                call = step.condition
                function = self._optimiser.functions[call.function]
                reads_row = each.value in variables(call)
                if not reads_row or len(function.bodies) > MAX_BODIES:
                    continue
                alternatives = [
                    self._alternative(steps, place, function, way, call)
                    for way in range(len(function.bodies))
                ]
                found = [self._looked_up(way, _at(way, each)) for way in alternatives]
                if all(found):
                    return [block for blocks in found for block in blocks or ()]
        return None

    def _alternative(
        self,
        steps: tuple[ir.Step, ...],
        place: int,
        function: ir.Function,
        way: int,
        call: ir.HelperCall,
    ) -> tuple[ir.Step, ...]:
        """The steps with one body of a predicate in place of its call."""
        values = dict(zip(function.parameters, call.arguments, strict=True))
        simplifier = Simplifier(self._optimiser, ir.Block(steps), {})
        for name in self._parameters:
            simplifier.fresh(name)
        copy, _ = copied(function.bodies[way], (), values, simplifier.fresh)
        inner = simplifier.steps(copy, inline=True)
        inner = [ir.Test(ir.Constant(value=False))] if inner is None else inner
        return scheduled(ir.Block((*steps[:place], *inner, *steps[place + 1 :]))).steps

    def _written_out(self, steps: tuple[ir.Step, ...], at: int) -> list[ir.Block]:
        """One body a row, where the list is short."""
        each = steps[at]
        assert isinstance(each, ir.Each)
        rows = _rows(each) or ()
        whole = ir.Block(steps)
        if len(rows) > MAX_ROWS or len(rows) * size(whole) > MAX_PARTS or each.key:
            return [whole]
        found = []
        rest = ir.Block((*steps[:at], *steps[at + 1 :]))
        for row in rows:
            known = {each.value: ir.Constant(row)}
            simplified = Simplifier(self._optimiser, whole, known).steps(
                rest, inline=True
            )
            if simplified is not None:
                found.append(ir.Block(tuple(simplified)))
        return found


def _at(steps: tuple[ir.Step, ...], each: ir.Each) -> int:
    """Where the loop stands after steps moved."""
    return next(
        at
        for at, step in enumerate(steps)
        if isinstance(step, ir.Each) and step.value == each.value
    )


def _rows(step: ir.Each) -> tuple[Any, ...] | None:
    """The elements of a constant array or set."""
    source = step.collection
    if not isinstance(source, ir.Constant) or step.key is not None:
        return None
    if isinstance(source.value, frozenset):
        return tuple(sorted(source.value))
    return tuple(source.value) if isinstance(source.value, list | tuple) else None


def _picks(
    step: ir.Step, each: ir.Each, inner: set[str]
) -> tuple[str | None, ir.Expression] | None:
    """The field of the row that a line compares, and what it is equal to."""
    match step:
        case ir.Test(ir.Operation("eq", (left, right))):
            for one, other in ((left, right), (right, left)):
                name = _row_part(one, each.value)
                if name is not None and not variables(other) & inner:
                    read = _outer(other, inner)
                    return None if read is None else (name or None, read)
    return None


def _outer(node: ir.Expression, inner: set[str]) -> ir.Expression | None:
    """The expression, if it can stand before the loop."""
    is_constant = isinstance(node, ir.Constant)
    return None if is_constant or variables((node,)) & inner else node


def _row_part(node: ir.Expression, row: str) -> str | None:
    """The field of the row that an expression is; empty for the row itself."""
    match node:
        case ir.Variable(name) if name == row:
            return ""
        case ir.Member(ir.Variable(name), part) if name == row:
            return part
    return None


def _table(rows: Iterable[Any], name: str | None) -> ir.Constant:
    """The rows by the value of a field, or by themselves."""
    found: dict[Any, tuple[Any, ...]] = {}
    for row in rows:
        value = row if name is None else row[name]
        found[value] = (*found.get(value, ()), row)
    return ir.Constant(found)
