"""Streams, indexes and sums become functions that work them out once for a document.

Elements of a bucket stand at `C[-1]`, each after a number whose bits say what buckets
it is in. `found` is what a function gathers; no variable of a policy is called so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.expressions import variable
from opensoc_engine.codegen.generated import ELEMENTS
from opensoc_engine.codegen.trees import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.codegen.expressions import Expressions
    from opensoc_engine.codegen.needs import Total
    from opensoc_engine.codegen.program import Program
    from opensoc_engine.codegen.streams import Index, Stream


@dataclass(slots=True)
class Gatherer:
    """Writes the functions of streams and indexes.

    Attributes:
        bits: The bit of each bucket.
    """

    program: Program
    expressions: Expressions
    lines: list[str]
    bits: Mapping[int, int]

    def all(self) -> None:
        """Write them all."""
        for stream in self.program.streams:
            self._stream(stream)
        for index in self.program.indexes:
            self._index(index)

    def elements(self, bucket: int) -> str:
        """The elements of a bucket."""
        return f"[v for w, v in C[{ELEMENTS}] if w & {self.mask(bucket)}]"

    def mask(self, bucket: int) -> int:
        """A number with the bit of a bucket."""
        return int(1 << self.bits[bucket])

    def _stream(self, stream: Stream) -> None:
        source = self.program.sources.get(stream.number)
        if source is not None and source.is_exact:
            self._kept(stream.function, self.elements(source.bucket))
            return
        element, steps, indent = variable(stream.element), stream.block.steps, " " * 8
        array = self.expressions.expression(stream.array)
        heads = [f"for {element} in {array}:"]
        if stream.rest is not None:
            steps = stream.rest.steps
        elif source is not None:
            heads = [
                f"for w, {element} in C[{ELEMENTS}]:",
                f"    if w & {self.mask(source.bucket)}:",
            ]
        else:
            steps = (*self._of_kinds(stream), *steps)
        self._begin(stream.function, "[]", [indent + head for head in heads])
        inner = indent + "    " * len(heads)
        self._loop(steps, stream.element, f"found.append({element})", inner)

    def _of_kinds(self, stream: Stream) -> tuple[ir.Step, ...]:
        """The test that an element has one of the kinds of a stream."""
        spine = self.program.spine
        if spine is None or stream.kinds is None:
            return ()
        kind = ir.Member(ir.Variable(stream.element), spine.kind)
        kinds = ir.Constant(frozenset(stream.kinds))
        return (ir.Test(ir.Operation("in", (kind, kinds))),)

    def _index(self, index: Index) -> None:
        element, source = variable(index.element), f"s{index.stream}"
        shown = self.expressions.streams[source]
        self._begin(index.function, "{}", [f"        for {element} in {shown}:"])
        put = (
            "key = {last}\n"
            f"if key in found: found[key].append({element})\n"
            f"else: found[key] = [{element}]"
        )
        steps = (*index.block.steps, ir.Bind("key", index.key))
        self._loop(steps, index.element, put, " " * 12)

    def total(self, name: str, total: Total) -> None:
        """Write a function of the sum of the positive values of a bucket."""
        element, mask = variable(total.element), self.mask(total.stream)
        head = f"        for w, {element} in C[{ELEMENTS}]:"
        steps = (
            *total.block.steps,
            ir.Bind("value", total.value),
        )
        self._begin(name, "[]", [head, f"            if w & {mask}:"])
        self._loop(steps, total.element, "found.append({last})", " " * 16)
        self.lines[-1:] = [
            f"        found = C[{name!r}] = gains(found)",
            "    return found",
        ]

    def _kept(self, name: str, value: str) -> None:
        """A function whose value is worked out once for a document."""
        self._begin(name, value, [])
        self.lines.append("    return found")

    def _begin(self, name: str, value: str, heads: list[str]) -> None:
        self.lines += [
            f"def {name}(I, C):",
            f"    found = C.get({name!r})",
            "    if found is None:",
            f"        found = C[{name!r}] = {value}",
            *heads,
        ]

    def _loop(
        self, steps: tuple[ir.Step, ...], element: str, leaf: str, indent: str
    ) -> None:
        tree = Tree(self.expressions, (element,))
        tree.add(ir.Block(steps), leaf)
        lines = (
            tree.lines(indent) if tree.is_shallow() else self._flat(steps, leaf, indent)
        )
        self.lines += [*lines, "    return found"]

    def _flat(self, steps: tuple[ir.Step, ...], leaf: str, indent: str) -> list[str]:
        """The steps as lines that leave the round, where a tree would be too deep."""
        lines, last = list[str](), ""
        for step in steps:
            if isinstance(step, ir.Bind):
                last = variable(step.name)
                lines.append(f"{last} = {self.expressions.expression(step.value)}")
            elif isinstance(step, ir.Try):
                last = variable(step.name)
                value = self.expressions.partial(step.value)
                lines += [f"{last} = {value}", f"if {last} is None: continue"]
            else:
                assert isinstance(step, ir.Test | ir.Exclude | ir.ForAll)
                lines.append(f"if not {self.expressions.condition(step)}: continue")
        lines += leaf.replace("{last}", last).split("\n")
        return [indent + line for line in lines]
