"""A test with a choice in it becomes several tests without one.

A predicate with several bodies is put into the tests of elements body by body, so that
the tests of all rules can share what their bodies begin with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.rewriting import copied, size

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_BODIES = 16
# Parts of all the blocks that one block becomes.
_MAX_PARTS = 400
_MAX_BLOCKS = 24


@dataclass(slots=True)
class Splitter:
    """Splits blocks; `functions` are the helpers that they call."""

    functions: Mapping[str, ir.Function]
    _count: int = 0

    def split(self, block: ir.Block) -> list[ir.Block]:
        """Blocks of which one holds wherever the block does, and none elsewhere."""
        found: list[ir.Block] = []
        left = [block]
        while left:
            whole = left.pop(0)
            parts = self._first_choice(whole)
            if parts is None or len(found) + len(left) + len(parts) > _MAX_BLOCKS:
                found.append(whole)
            else:
                left = parts + left
        return found

    def _first_choice(self, block: ir.Block) -> list[ir.Block] | None:
        """The block for each body of the first predicate that can be put in."""
        for at, step in enumerate(block.steps):
            if isinstance(step, ir.Test) and isinstance(step.condition, ir.HelperCall):
                function = self.functions.get(step.condition.function)
                if function is not None and _is_choice(function):
                    total = len(function.bodies) * size(block.steps) + size(function)
                    if total <= _MAX_PARTS:
                        return self._put_in(block, at, function, step.condition)
        return None

    def _put_in(
        self, block: ir.Block, at: int, function: ir.Function, call: ir.HelperCall
    ) -> list[ir.Block]:
        binds: list[ir.Step] = []
        values: dict[str, ir.Expression] = {}
        for name, value in zip(function.parameters, call.arguments, strict=True):
            values[name] = value
            if not isinstance(value, ir.Variable | ir.Constant):
                bound = self._fresh(name)
                binds.append(ir.Bind(bound, value))
                values[name] = ir.Variable(bound)
        found = []
        for body in function.bodies:
            copy, _ = copied(body, (), values, self._fresh)
            before, after = block.steps[:at], block.steps[at + 1 :]
            found.append(ir.Block((*before, *binds, *copy.steps, *after)))
        return found

    def _fresh(self, name: str) -> str:
        # No name of a policy begins with a digit.
        self._count += 1
        return f"{self._count}x{name}"


def _is_choice(function: ir.Function) -> bool:
    """True for a predicate whose bodies have no loops."""
    return (
        function.kind == "predicate"
        and 0 < len(function.bodies) <= _MAX_BODIES
        and not any(isinstance(s, ir.Each) for b in function.bodies for s in b.steps)
    )
