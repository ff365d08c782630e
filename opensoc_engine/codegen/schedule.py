"""Steps of a block move out of the loops that they do not depend on.

Steps keep their order among those of one loop, so a field is still read only after the
step that says that it is there: both depend on the same variables.
"""

from __future__ import annotations

from dataclasses import replace

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
    return ir.Block(tuple(step for steps in levels for step in steps))


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


def function_scheduled(function: ir.Function) -> ir.Function:
    """A helper with its blocks scheduled."""
    scheduler = Scheduler()
    bodies = tuple(scheduler.block(body) for body in function.bodies)
    return replace(function, bodies=bodies, results=scheduler.all(function.results))
