"""A block becomes a cheap test that holds wherever the block does.

Every element of a document is tested once, as it is read; what only few elements need,
such as a search through the estate, is left to those that pass. The test for a kind of
element knows the kind, so lines about other kinds fall away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.costs import is_costly
from opensoc_engine.codegen.folding import folded
from opensoc_engine.codegen.rewriting import (
    Rewriter,
    bound_by,
    copied,
    size,
    used,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.codegen.keys import Key, Keys
    from opensoc_engine.codegen.streams import Spine

_MAX_DEPTH = 6
_MAX_INLINED = 80


@dataclass(slots=True)
class Weakener:
    """Makes tests; `functions` gains the weaker helpers that they call.

    Attributes:
        exact: False from when a test was made that holds for more than its block.
    """

    keys: Keys
    spine: Spine | None
    functions: dict[str, ir.Function]
    costly: set[str]
    exact: bool = True
    _weaker: dict[Key, str] = field(default_factory=dict)
    _count: int = 0

    def test(self, block: ir.Block, element: str, kind: str) -> ir.Block | None:
        """The test for elements of a kind; None if none of them can pass."""
        return self._block(block, {element: kind}, 0)

    def _block(
        self, block: ir.Block, kinds: Mapping[str, str], depth: int
    ) -> ir.Block | None:
        found: list[ir.Step] = []
        lost: set[str] = set()
        assume = _Assumption(self.spine, kinds)
        for step in block.steps:
            known = assume.step(step)
            if variables(known) & lost:
                more: list[ir.Step] | None = []
                self.exact = False
            else:
                more = self._step(known, kinds, depth)
            if more is None:
                return None
            if not more and bound_by(step):
                lost.update(bound_by(step))
            found += more
        return used(ir.Block(tuple(found)))

    def _step(
        self, step: ir.Step, kinds: Mapping[str, str], depth: int
    ) -> list[ir.Step] | None:
        match step:
            case ir.Test(ir.Constant(value)):
                return [] if value else None
            case ir.Test(ir.HelperCall(name, arguments)):
                return self._call(step, name, arguments, kinds, depth)
        if is_costly(step, self.costly):
            self.exact = False
            return []
        return [step]

    def _call(
        self,
        step: ir.Test,
        name: str,
        arguments: tuple[ir.Expression, ...],
        kinds: Mapping[str, str],
        depth: int,
    ) -> list[ir.Step] | None:
        """The weaker form of a predicate's call."""
        function = self.functions.get(name)
        if function is None or is_costly(arguments, self.costly) or depth > _MAX_DEPTH:
            self.exact = False
            return []
        known = {
            parameter: kinds[argument.name]
            for parameter, argument in zip(function.parameters, arguments, strict=True)
            if isinstance(argument, ir.Variable) and argument.name in kinds
        }
        if name not in self.costly and not known:
            return [step]
        bodies = [self._block(body, known, depth + 1) for body in function.bodies]
        if any(body is not None and not _asks(body) for body in bodies):
            self.exact = False
            return []
        return self._either(step, function, arguments, [b for b in bodies if b])

    def _either(
        self,
        step: ir.Test,
        function: ir.Function,
        arguments: tuple[ir.Expression, ...],
        bodies: list[ir.Block],
    ) -> list[ir.Step] | None:
        if not bodies:
            return None
        if any(not body.steps for body in bodies):
            return []
        if len(bodies) == 1:
            inlined = self._inlined(function, arguments, bodies[0])
            if inlined is not None:
                return inlined
        name = self._named(replace(function, bodies=tuple(bodies)))
        return [replace(step, condition=ir.HelperCall(name, arguments))]

    def _named(self, weaker: ir.Function) -> str:
        """The name of a weaker helper; those that say the same are one."""
        names = weaker.parameters
        parts = tuple(self.keys.of(body, names) for body in weaker.bodies)
        key = (len(names), parts)
        if key not in self._weaker:
            self._weaker[key] = f"{weaker.name}_w{len(self._weaker)}"
            name = self._weaker[key]
            self.functions[name] = replace(weaker, name=name)
        return self._weaker[key]

    def _inlined(
        self,
        function: ir.Function,
        arguments: tuple[ir.Expression, ...],
        body: ir.Block,
    ) -> list[ir.Step] | None:
        if size(body) > _MAX_INLINED:
            return None
        if any(isinstance(step, ir.Each) for step in body.steps):
            return None
        values: dict[str, ir.Expression] = {}
        steps: list[ir.Step] = []
        for name, value in zip(function.parameters, arguments, strict=True):
            values[name] = value
            if not isinstance(value, ir.Variable | ir.Constant):
                bound = self._fresh(name)
                values[name] = ir.Variable(bound)
                steps.append(ir.Bind(bound, value))
        copy, _ = copied(body, (), values, self._fresh)
        return [*steps, *copy.steps]

    def _fresh(self, name: str) -> str:
        # No name of a policy begins with a digit.
        self._count += 1
        return f"{self._count}_{name}"


def _asks(block: ir.Block) -> bool:
    """True if something in a block may fail besides that a list is empty."""
    return not block.steps or not all(
        isinstance(step, ir.Each | ir.Bind) for step in block.steps
    )


class _Assumption(Rewriter):
    """Puts in the kind of the elements that variables hold."""

    def __init__(self, spine: Spine | None, kinds: Mapping[str, str]) -> None:
        self._spine = spine
        self._kinds = kinds

    def expression(self, node: ir.Expression) -> ir.Expression:
        if isinstance(node, ir.Member) and isinstance(node.base, ir.Variable):
            kind = self._kinds.get(node.base.name)
            if kind is not None and self._spine and node.name == self._spine.kind:
                return ir.Constant(kind)
        return folded(super().expression(node))
