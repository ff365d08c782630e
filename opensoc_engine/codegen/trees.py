"""Blocks become one tree of nested conditions and loops.

Blocks that begin alike share their first lines, so a line is looked at once. A field
that several lines read is read once, where the first of them stands.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine.codegen.expressions import Expressions, variable
from opensoc_engine.codegen.rewriting import Substitution, bound_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opensoc_engine.codegen.keys import Key

# Python refuses more than 100 levels of indentation.
MAX_DEPTH = 60
# Python refuses more than 20 nested loops.
MAX_LOOPS = 16


@dataclass(slots=True)
class Node:
    """A line, what follows if it holds, and what is done then.

    Attributes:
        leaves: Lines of Python for the blocks that end here.
    """

    step: ir.Step | None = None
    children: dict[Key, Node] = field(default_factory=dict)
    leaves: list[str] = field(default_factory=list)


class Tree:
    """Grows from blocks, then is written as Python."""

    def __init__(self, expressions: Expressions, parameters: Iterable[str]) -> None:
        self._expressions = expressions
        self._parameters = tuple(parameters)
        self._root = Node()
        self._number = 0
        self._depth = self._loops = 0

    def add(self, block: ir.Block, leaf: str) -> None:
        """Let something be done where a block is fulfilled.

        Args:
            block: What must be fulfilled.
            leaf: Lines of Python; `{last}` is what the last step binds.
        """
        loops = sum(isinstance(step, ir.Each | ir.ForAll) for step in block.steps)
        self._depth = max(self._depth, len(block.steps))
        self._loops = max(self._loops, loops)
        node, names = self._root, dict[str, ir.Expression]()
        renamed: dict[str, str] = {}
        for number, step in enumerate(block.steps):
            shown = Substitution(names, renamed).step(step)
            for at, name in enumerate(reversed(bound_by(step))):
                # Alike in all blocks that begin alike; no policy can write it.
                renamed[name] = f"{number}_" if at == 0 else f"{number}_key"
                names[name] = ir.Variable(renamed[name])
            shown = Substitution({}, renamed).step(shown) if bound_by(step) else shown
            key = self._expressions.keys.of(shown, self._parameters)
            node = node.children.setdefault(key, Node(shown))
        last = variable(f"{len(block.steps) - 1}_")
        node.leaves.append(leaf.replace("{last}", last))

    def is_shallow(self) -> bool:
        """True if Python takes the tree."""
        return self._depth <= MAX_DEPTH and self._loops <= MAX_LOOPS

    def lines(self, indent: str) -> list[str]:
        """The tree as Python."""
        counts = Counter(
            self._expressions.keys.of(part)
            for node in _nodes(self._root)
            for part in _reads(node.step)
        )
        return list(self._written(self._root, indent, {}, counts))

    def _written(
        self, node: Node, indent: str, known: dict[Key, str], counts: Counter[Key]
    ) -> Iterator[str]:
        for leaf in node.leaves:
            yield from (indent + line for line in leaf.split("\n"))
        for child in node.children.values():
            step = child.step
            assert step is not None
            yield from self._reads(step, indent, known, counts)
            known_reads = _Known(self, known)
            shown = known_reads.step(step)
            inner = indent + "    "
            if isinstance(shown, ir.Bind):
                name = variable(shown.name)
                value = self._expressions.expression(shown.value)
                yield f"{indent}{name} = {value}"
                inner = indent
            elif isinstance(shown, ir.Try):
                name = variable(shown.name)
                yield f"{indent}{name} = {self._expressions.partial(shown.value)}"
                yield f"{indent}if {name} is not None:"
            elif isinstance(shown, ir.Each):
                yield f"{indent}{self._expressions.loop(shown)}:"
            elif isinstance(shown, ir.ForAll):
                # Faster than `all` with a generator.
                yield f"{indent}{self._expressions.loop(shown)}:"
                yield f"{inner}if not {self._expressions.holds(shown.block)}: break"
                yield f"{indent}else:"
            else:
                assert isinstance(shown, ir.Test | ir.Exclude)
                yield f"{indent}if {self._expressions.condition(shown)}:"
            yield from self._written(child, inner, dict(known), counts)

    def _reads(
        self, step: ir.Step, indent: str, known: dict[Key, str], counts: Counter[Key]
    ) -> Iterator[str]:
        """Lines that keep what is read more than once."""
        for part in reversed(list(_reads(step))):
            key = self._expressions.keys.of(part)
            if counts[key] > 1 and key not in known:
                shown = _Known(self, known).expression(part)
                self._number += 1
                known[key] = f"{self._number}__"
                text = self._expressions.expression(shown)
                yield f"{indent}{variable(known[key])} = {text}"

    @property
    def expressions(self) -> Expressions:
        """What writes expressions."""
        return self._expressions


class _Known(Substitution):
    """Puts variables where something is read again."""

    def __init__(self, tree: Tree, known: dict[Key, str]) -> None:
        super().__init__({})
        self._tree = tree
        self._known = known

    def expression(self, node: ir.Expression) -> ir.Expression:
        if self._known and isinstance(node, ir.Member | ir.BuiltinCall | ir.Default):
            name = self._known.get(self._tree.expressions.keys.of(node))
            if name is not None:
                return ir.Variable(name)
        return super().expression(node)


def _nodes(root: Node) -> Iterator[Node]:
    """All nodes below the root."""
    left = list(root.children.values())
    while left:
        node = left.pop()
        yield node
        left += node.children.values()


def _reads(node: Any) -> Iterator[ir.Expression]:
    """Fields and calls that are read whenever a step is taken, outer ones first.

    What stands in an inner block is read only if the lines before it hold.
    """
    match node:
        case ir.Test(condition):
            yield from _reads(condition)
        case ir.Each(_, _, collection) | ir.ForAll(_, _, collection):
            yield from _reads(collection)
        case ir.Exclude(ir.Block((first, *_))):
            # Its first line is looked at in any case.
            yield from _reads(first)
        case ir.Bind(_, value):
            yield from _reads(value)
        case ir.Try(_, value):
            for part in value.arguments:
                yield from _reads(part)
        case ir.Member(base):
            yield node
            yield from _reads(base)
        case ir.Default(base, path, default):
            yield node
            for part in (base, *path, default):
                yield from _reads(part)
        case ir.BuiltinCall(_, arguments):
            yield node
            for part in arguments:
                yield from _reads(part)
        case ir.Operation(_, arguments) | ir.HelperCall(_, arguments):
            for part in arguments:
                yield from _reads(part)
