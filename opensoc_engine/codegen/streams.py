"""Loops over the events of a document become loops over streams.

A stream is what is left of one array of the document, such as `input.events`, once its
elements passed all lines that read nothing but the element: its kind, and the rest.
Many loops share a stream. It keeps the order of the array, so the solutions of a loop
over it come as they came before. A loop that also wants fields equal to values from
outside of it looks them up in an index of the stream; in an array without kinds only if
that is long, for a short one is gone through faster.

A stream is called like a helper without parameters: `s3`, and its index `j4`. What
gives the elements that may have a key is `c4`, a helper of an array and the key.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.costs import is_costly
from opensoc_engine.codegen.rewriting import (
    Rewriter,
    bound_by,
    is_input_path,
    used,
    variables,
)
from opensoc_engine.codegen.steps import (
    bound_after,
    cheap_first,
    equal_pair,
    needed,
    own_steps,
    together,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opensoc_engine.codegen.keys import Key, Keys

# A helper's bodies are looked into for kinds of events at most this deep.
_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Spine:
    """The array that streams are made of, and the field that tells kinds apart."""

    array: str
    kind: str

    def is_source(self, node: ir.Expression) -> bool:
        """True for the array itself."""
        return node == ir.Member(ir.Input(), self.array)

    def is_kind(self, node: ir.Expression, name: str) -> bool:
        """True for the kind of the element that a variable holds."""
        return node == ir.Member(ir.Variable(name), self.kind)


@dataclass(frozen=True, slots=True)
class Stream:
    """Elements of an array of the document that fulfil a block.

    Attributes:
        kinds: The kinds of elements, for the array of the spine; None if they may have
            any, or none.
        element: The variable of the block that is the element.
        array: Where the elements are, or a stream that has all of them.
        rest: What is left of the block for elements of that stream.
    """

    number: int
    array: ir.Expression
    kinds: tuple[str, ...] | None
    element: str
    block: ir.Block
    rest: ir.Block | None = None

    @property
    def function(self) -> str:
        """What the stream is called like."""
        return f"s{self.number}"


@dataclass(frozen=True, slots=True)
class Index:
    """A stream by values that its elements have.

    Attributes:
        block: Steps that bind what `key` reads besides the element.
    """

    number: int
    stream: int
    element: str
    block: ir.Block
    key: ir.Expression

    @property
    def function(self) -> str:
        """What the index is called like."""
        return f"j{self.number}"

    @property
    def candidates(self) -> str:
        """What gives elements that may have a key, of an array and the key."""
        return f"c{self.number}"


def find_spine(
    blocks: Iterable[ir.Block], functions: Mapping[str, ir.Function]
) -> Spine | None:
    """The array and the field that loops of top-level blocks narrow most often."""
    found: Counter[Spine] = Counter()
    for block in blocks:
        for step in block.steps:
            match step:
                case ir.Each(None, name, ir.Member(ir.Input(), array), "array"):
                    kinds = _compared(block, name, functions)
                    found.update(Spine(array, kind) for kind in kinds)
    return max(found, key=lambda s: (found[s], s.array, s.kind)) if found else None


def _compared(
    block: ir.Block, name: str, functions: Mapping[str, ir.Function]
) -> Iterator[str]:
    """The fields of an element that lines, or helpers that they call, compare."""
    for step in block.steps:
        if isinstance(step, ir.Test):
            match step.condition:
                case ir.Operation(
                    "eq" | "in",
                    (ir.Member(ir.Variable(read), kind), ir.Constant(value)),
                ) if read == name and _texts(value) is not None:
                    yield kind
                case ir.HelperCall(called, (ir.Variable(given),)) if given == name:
                    # What that calls in turn is not looked into.
                    function = functions.get(called)
                    if function is None:
                        continue
                    for body in function.bodies:
                        yield from _compared(body, function.parameters[0], {})


def _texts(value: object) -> frozenset[str] | None:
    """The strings that a constant is, or holds."""
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, tuple | list | frozenset):
        return None
    return frozenset(values) if all(isinstance(v, str) for v in values) else None


@dataclass(slots=True)
class Streams:
    """The streams and indexes of a program.

    Attributes:
        costly: Helpers that are dear to call.
        private: Helpers that are called at one place.
    """

    spine: Spine | None
    keys: Keys
    functions: Mapping[str, ir.Function]
    costly: set[str]
    private: set[str]
    streams: dict[Key, Stream] = field(default_factory=dict)
    indexes: dict[Key, Index] = field(default_factory=dict)

    def stream(
        self,
        array: ir.Expression,
        kinds: tuple[str, ...] | None,
        element: str,
        block: ir.Block,
    ) -> Stream:
        """The stream of those elements."""
        key = (self.keys.of(array), kinds, self.keys.of(block, (element,)))
        found = Stream(len(self.streams), array, kinds, element, block)
        return self.streams.setdefault(key, found)

    def ordered(self, steps: tuple[ir.Step, ...]) -> ir.Block:
        """The steps, with what is dear at the end."""
        return ir.Block(cheap_first(steps, self.costly, self.private))

    def refined(self, rewriter: Rewriter) -> tuple[Stream, ...]:
        """The streams, each made of the smallest stream that begins as it does."""
        made = [
            replace(stream, block=rewriter.block(stream.block))
            for stream in self.streams.values()
        ]
        shown = [
            tuple(
                self.keys.of(ir.Block(item.block.steps[:length]), (item.element,))
                for length in range(len(item.block.steps) + 1)
            )
            for item in made
        ]
        found = []
        for at, item in enumerate(made):
            bases = [
                other
                for other, base in enumerate(made)
                if base.kinds == item.kinds
                and base.array == item.array
                and 0 < len(shown[other]) - 1 < len(shown[at]) - 1
                and shown[at][len(shown[other]) - 1] == shown[other][-1]
            ]
            if bases:
                base = made[max(bases, key=lambda other: len(shown[other]))]
                found.append(_refined(item, base))
            else:
                found.append(item)
        return tuple(found)

    def index(
        self, stream: Stream, element: str, block: ir.Block, key: ir.Expression
    ) -> Index:
        """The index of a stream by a key."""
        shown = (stream.number, self.keys.of((block, key), (element,)))
        found = Index(len(self.indexes), stream.number, element, block, key)
        return self.indexes.setdefault(shown, found)

    def kinds(
        self, array: ir.Expression, steps: Iterable[ir.Step], name: str
    ) -> frozenset[str] | None:
        """The kinds that an element must have to pass; None if it may have any."""
        if self.spine is None or not self.spine.is_source(array):
            return None
        return self._kinds(steps, name, 0)

    def is_kind(self, node: ir.Expression, name: str) -> bool:
        """True for the kind of the element that a variable holds."""
        return self.spine is not None and self.spine.is_kind(node, name)

    def _kinds(
        self, steps: Iterable[ir.Step], name: str, depth: int
    ) -> frozenset[str] | None:
        found: frozenset[str] | None = None
        for step in steps:
            if isinstance(step, ir.Test):
                more = self._kinds_of(step.condition, name, depth)
                if more is not None:
                    found = more if found is None else found & more
        return found

    def _kinds_of(
        self, condition: ir.Expression, name: str, depth: int
    ) -> frozenset[str] | None:
        match condition:
            case ir.Operation("eq" | "in", (read, ir.Constant(value))):
                return _texts(value) if self.is_kind(read, name) else None
            case ir.HelperCall(called, arguments) if depth < _MAX_DEPTH:
                if ir.Variable(name) in arguments:
                    at = arguments.index(ir.Variable(name))
                    return self._kinds_of_any(called, at, depth)
        return None

    def _kinds_of_any(self, called: str, at: int, depth: int) -> frozenset[str] | None:
        """The kinds that one of the bodies of a predicate wants."""
        function = self.functions.get(called)
        if function is None or function.kind != "predicate":
            return None
        found: frozenset[str] = frozenset()
        for body in function.bodies:
            more = self._kinds(body.steps, function.parameters[at], depth + 1)
            if more is None:
                return None
            found |= more
        return found


class Streamer(Rewriter):
    """Puts streams where a body loops over the array.

    Attributes:
        tail: What reads variables of the block besides its steps.
    """

    def __init__(self, streams: Streams, tail: tuple[ir.Expression, ...]) -> None:
        self._streams = streams
        self._tail = tail

    def block(self, block: ir.Block) -> ir.Block:
        """The block and those in it, with streams."""
        steps = super().block(block).steps
        at = 0
        while at < len(steps):
            step = steps[at]
            if isinstance(step, ir.Each) and self._is_source(step):
                rest = self._streamed(step, steps[at + 1 :])
                steps = (*steps[:at], *(rest or steps[at:]))
            at += 1
        return ir.Block(steps)

    def expression(self, node: ir.Expression) -> ir.Expression:
        """The expression, with streams in its comprehensions."""
        if isinstance(node, ir.Collect):
            head = () if node.key is None else (node.key,)
            outer, self._tail = self._tail, (*head, node.value)
            found = super().expression(node)
            self._tail = outer
            return found
        return super().expression(node)

    def _is_source(self, step: ir.Each) -> bool:
        is_array = step.kind == "array" and step.key is None
        return is_array and is_input_path(step.collection)

    def _streamed(
        self, each: ir.Each, steps: tuple[ir.Step, ...]
    ) -> tuple[ir.Step, ...] | None:
        """The loop over a stream, and what is left of the steps after it."""
        array = each.collection
        found = self._streams.kinds(array, steps, each.value)
        if found is None:
            return self._looked_for(each, steps)
        kinds = tuple(sorted(found))
        own = own_steps(steps, each.value)
        taken = set(map(id, own))
        rest = tuple(step for step in steps if id(step) not in taken)
        mine = {each.value} | {name for step in own for name in bound_by(step)}
        after = bound_after(rest, mine)
        pairs = [equal_pair(step, mine, after) for step in rest]
        filters = tuple(s for s in own if not self._is_kind_test(s, each.value))
        block = used(self._streams.ordered(filters))
        stream = self._streams.stream(array, kinds, each.value, block)
        if any(pairs):
            left = tuple(
                step for step, pair in zip(rest, pairs, strict=True) if pair is None
            )
            known = [pair for pair in pairs if pair is not None]
            return self._joined(each, stream, own, left, known)
        loop = replace(each, collection=ir.HelperCall(stream.function, ()))
        return (loop, *needed(own, variables(rest, self._tail)), *rest)

    def _looked_for(
        self, each: ir.Each, steps: tuple[ir.Step, ...]
    ) -> tuple[ir.Step, ...] | None:
        """The loop over elements that may be equal to values from outside.

        A short array is gone through, a long one has an index.
        """
        costly, array = self._streams.costly, each.collection
        cheap = tuple(step for step in steps if not is_costly(step, costly))
        own = own_steps(cheap, each.value)
        mine = {each.value} | {name for step in own for name in bound_by(step)}
        after = bound_after(steps, mine)
        pairs = [pair for s in steps if (pair := equal_pair(s, mine, after))]
        if not pairs:
            return None
        block = self._streams.ordered(own)
        stream = self._streams.stream(array, None, each.value, block)
        key = together([pair[0] for pair in pairs])
        wanted = together([pair[1] for pair in pairs])
        index = self._streams.index(
            stream, each.value, ir.Block(needed(own, variables(key))), key
        )
        source = ir.HelperCall(index.candidates, (array, wanted))
        loops = [at for at, step in enumerate(steps) if isinstance(step, ir.Each)]
        end = loops[0] if loops else len(steps)
        first = self._streams.ordered(steps[:end]).steps
        return (replace(each, collection=source), *first, *steps[end:])

    def _is_kind_test(self, step: ir.Step, name: str) -> bool:
        match step:
            case ir.Test(ir.Operation("eq" | "in", (read, ir.Constant(value)))):
                is_kind = self._streams.is_kind(read, name)
                return is_kind and _texts(value) is not None
        return False

    def _joined(
        self,
        each: ir.Each,
        stream: Stream,
        own: tuple[ir.Step, ...],
        left: tuple[ir.Step, ...],
        pairs: list[tuple[ir.Expression, ir.Expression]],
    ) -> tuple[ir.Step, ...]:
        """The loop over what an index gives for values from outside."""
        key = together([pair[0] for pair in pairs])
        wanted = together([pair[1] for pair in pairs])
        block = ir.Block(needed(own, variables(key)))
        index = self._streams.index(stream, each.value, block, key)
        source = ir.Default(
            ir.HelperCall(index.function, ()), (wanted,), ir.Constant(())
        )
        kept = needed(own, variables(left, self._tail))
        return (replace(each, collection=source), *kept, *left)


def _refined(stream: Stream, base: Stream) -> Stream:
    """The stream as a part of another one."""
    length = len(base.block.steps)
    before, after = stream.block.steps[:length], stream.block.steps[length:]
    kept = needed(before, variables(after))
    array = ir.HelperCall(base.function, ())
    return replace(stream, array=array, rest=ir.Block((*kept, *after)))
