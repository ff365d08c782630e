"""IR becomes lists of its parts: lines of a block, and what stands inside a node."""

from __future__ import annotations

from dataclasses import fields
from itertools import groupby
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.ir import Placed


def lines(block: ir.Block) -> list[tuple[ir.Step, ...]]:
    """The steps of each line of a policy, in order.

    The steps of a line share one span, which no other line has.
    """
    groups = groupby(block.steps, key=lambda step: id(step.span))
    return [tuple(steps) for _, steps in groups]


def inside(node: Any) -> Iterator[Placed | ir.Block]:
    """The parts of a node, each before its own parts; the node itself is none."""
    if isinstance(node, tuple):
        for part in node:
            yield from _with_parts(part)
    elif isinstance(node, ir.Placed | ir.Block) and not isinstance(node, ir.Constant):
        for field in fields(node):
            yield from _with_parts(getattr(node, field.name))


def _with_parts(node: Any) -> Iterator[Placed | ir.Block]:
    if isinstance(node, ir.Placed | ir.Block):
        yield node
    yield from inside(node)


def binders(block: ir.Block) -> dict[str, ir.Step]:
    """The step that binds each variable of a block, inner blocks included."""
    found: dict[str, ir.Step] = {}
    for part in inside(block):
        match part:
            case ir.Bind(name) | ir.Try(name):
                found[name] = part
            case ir.Each(key, name) | ir.ForAll(key, name):
                found[name] = part
                if key is not None:
                    found[key] = part
    return found
