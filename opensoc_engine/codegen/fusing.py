"""What is used once is put back where it is used.

Helpers that are one expression are put where they are called, and a stream that only
one body of a rule goes through becomes lines of that body: its elements are not kept,
and a body that only has to be fulfilled ends with the first one that does it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.rewriting import Rewriter, Substitution, inside, is_atom

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opensoc_engine.codegen.streams import Stream


class Inliner(Rewriter):
    """Puts helpers that are one expression where they are called."""

    def __init__(self, functions: Mapping[str, ir.Function]) -> None:
        self._values = {
            name: value
            for name, function in functions.items()
            if (value := _value(function)) is not None
        }

    def expression(self, node: ir.Expression) -> ir.Expression:
        """The expression with calls of such helpers replaced."""
        found = super().expression(node)
        if isinstance(found, ir.HelperCall) and found.function in self._values:
            parameters, value = self._values[found.function]
            if all(map(is_atom, found.arguments)):
                values = dict(zip(parameters, found.arguments, strict=True))
                return self.expression(Substitution(values).expression(value))
        return found


def _value(function: ir.Function) -> tuple[tuple[str, ...], ir.Expression] | None:
    """The parameters and the value of a helper that is one expression."""
    if function.kind != "value" or function.partial:
        return None
    (result,) = function.results
    match function.bodies[0].steps:
        case ():
            value = result
        case (ir.Bind(name, value),) if result == ir.Variable(name):
            pass
        case _:
            return None
    if any(isinstance(part, ir.Collect) for part in inside(value)):
        return None
    return function.parameters, value


def uses(nodes: Iterable[object]) -> Counter[str]:
    """How often streams are named in some nodes."""
    return Counter(
        part.function
        for part in inside(*nodes)
        if isinstance(part, ir.HelperCall) and not part.arguments
    )


def fused(
    block: ir.Block,
    streams: Mapping[str, Stream],
    buckets: Mapping[str, str],
    once: Counter[str],
) -> ir.Block:
    """The block with its first loop over what a stream is made of.

    Args:
        block: The lines of a body of a rule.
        streams: Streams by what they are called like.
        buckets: What the buckets of streams are called like.
        once: How often each stream is used.
    """
    match block.steps:
        case (ir.Each(None, name, ir.HelperCall(called, ())) as each, *rest) if (
            once[called] == 1 and called in streams
        ):
            stream = streams[called]
            if stream.element != name:
                return block
            steps = (stream.rest or stream.block).steps
            array: ir.Expression = stream.array
            if stream.rest is None:
                if called not in buckets:
                    return block
                array = ir.HelperCall(buckets[called], ())
            loop = replace(each, collection=array)
            return ir.Block((loop, *steps, *(s for s in rest if s not in steps)))
    return block
