"""Steps after a loop: which are about its element alone, and which compare it."""

from __future__ import annotations

from opensoc_engine import ir
from opensoc_engine.codegen.costs import is_costly
from opensoc_engine.codegen.rewriting import (
    all_bound,
    bound_by,
    calls,
    inside,
    variables,
)


def cheap_first(
    steps: tuple[ir.Step, ...], costly: set[str], private: set[str]
) -> tuple[ir.Step, ...]:
    """The steps in another order: what is dear waits for all that is cheap.

    What says that a field is there is cheapest, so it stays before what reads the
    field: steps of one cost keep their order, but for those that wait for a value.

    `costly` helpers are dear. Those that are also `private`, that is asked at one place
    only, come last: what others ask too is often known already.
    """
    left = list(steps)
    unbound = {name for step in steps for name in bound_by(step)}
    found: list[ir.Step] = []
    while left:
        ready = [s for s in left if not variables(s) & unbound - set(bound_by(s))]
        step = min(ready, key=lambda s: _cost(s, costly, private))
        left = [other for other in left if other is not step]
        unbound -= set(bound_by(step))
        found.append(step)
    return tuple(found)


def _cost(step: ir.Step, costly: set[str], private: set[str]) -> int:
    """0 for what only reads and compares fields, 2 or more for what is dear."""
    if is_costly(step, costly):
        return 3 if private and calls(step) and calls(step) <= private else 2
    return int(any(map(_is_call, inside(step))))


def _is_call(node: object) -> bool:
    if isinstance(node, ir.BuiltinCall):
        return node.name != "count"
    return isinstance(node, ir.HelperCall)


def own_steps(steps: tuple[ir.Step, ...], name: str) -> tuple[ir.Step, ...]:
    """The steps that read nothing but an element, and what was bound of it."""
    mine, found = {name}, []
    for step in steps:
        if isinstance(step, ir.Each):
            continue
        read = variables(step) - all_bound(step)
        if read and read <= mine:
            found.append(step)
            mine.update(bound_by(step))
    return tuple(found)


def needed(steps: tuple[ir.Step, ...], read: frozenset[str]) -> tuple[ir.Step, ...]:
    """The steps that bind what is read later, and what those read."""
    found: list[ir.Step] = []
    wanted = set(read)
    for step in reversed(steps):
        if wanted.intersection(bound_by(step)):
            found.append(step)
            wanted |= variables(step)
    return tuple(reversed(found))


def bound_after(rest: tuple[ir.Step, ...], mine: set[str]) -> set[str]:
    """The variables that the steps after a loop bind."""
    return mine | {name for step in rest for name in bound_by(step)}


def equal_pair(
    step: ir.Step, mine: set[str], after: set[str]
) -> tuple[ir.Expression, ir.Expression] | None:
    """What a line compares of the element, and with what from outside of the loop."""
    match step:
        case ir.Test(ir.Operation("eq", (left, right))):
            for one, other in ((left, right), (right, left)):
                inside, outside = variables(one), variables(other)
                is_pair = inside and inside <= mine and outside
                if is_pair and not outside & after:
                    return one, other
    return None


def together(parts: list[ir.Expression]) -> ir.Expression:
    """Values as one key."""
    return parts[0] if len(parts) == 1 else ir.Display("array", tuple(parts))
