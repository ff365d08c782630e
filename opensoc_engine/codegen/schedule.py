"""Steps of a block move out of the loops that they do not depend on.

Steps keep their order among those of one loop, so a field is still read only after the
step that says that it is there: both depend on the same variables.
"""

from __future__ import annotations

from opensoc_engine import ir
from opensoc_engine.codegen.rewriting import Rewriter, bound_by, variables


def scheduled(block: ir.Block) -> ir.Block:
    """The block with each step as early as its variables allow."""
    levels: list[list[ir.Step]] = [[]]
    level_of: dict[str, int] = {}
    for step in block.steps:
        read = variables(step)
        level = max((level_of.get(name, 0) for name in read), default=0)
        if isinstance(step, ir.Each):
            levels.append([step])
            level = len(levels) - 1
        else:
            levels[level].append(step)
        for name in bound_by(step):
            level_of[name] = level
    return ir.Block(_sunk([step for steps in levels for step in steps]))


def _sunk(steps: list[ir.Step]) -> tuple[ir.Step, ...]:
    """The steps with values bound inside of loops over tables: most have no rows."""
    for at, step in enumerate(steps):
        if isinstance(step, ir.Each) and is_table(step.collection):
            before = steps[:at]
            late = [
                s
                for place, s in enumerate(before)
                if isinstance(s, ir.Bind)
                and s.name not in variables(tuple(before[place + 1 :]), step)
            ]
            early = [s for s in before if not any(s is other for other in late)]
            return (*early, step, *late, *_sunk(steps[at + 1 :]))
    return tuple(steps)


def is_table(source: ir.Expression) -> bool:
    """True for rows that are looked up in a constant."""
    return isinstance(source, ir.Default) and isinstance(source.base, ir.Constant)


class Scheduler(Rewriter):
    """Schedules every block inside of a node."""

    def block(self, block: ir.Block) -> ir.Block:
        """The block and all in it, scheduled."""
        return scheduled(super().block(block))


def dependent(steps: tuple[ir.Step, ...], start: set[str]) -> set[str]:
    """The variables that come of some variables by the steps, those included."""
    found = set(start)
    for step in steps:
        if variables(step) & found:
            found.update(bound_by(step))
    return found
