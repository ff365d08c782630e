"""Blocks become one tree of nested conditions and loops.

Blocks that begin alike share their first lines, so a line is looked at once. A field
that several lines read is read once, where the first of them stands.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine.codegen.expressions import SHORT, Expressions, variable
from opensoc_engine.codegen.generated import ELEMENTS
from opensoc_engine.codegen.rewriting import Substitution, bound_by
from opensoc_engine.codegen.words import grouped
from opensoc_engine.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opensoc_engine.codegen.keys import Key

# Python refuses more than 100 levels of indentation.
MAX_DEPTH = 60
# Python refuses more than 20 nested loops.
MAX_LOOPS = 16
# Of more branches nobody asks what any two of them read: that would take long.
MAX_SIBLINGS = 64
_INDENT = "    "
_BINDERS = (ir.Each, ir.Bind, ir.Try)


@dataclass(slots=True)
class Node:
    """A line, what follows if it holds, and what is done then.

    Attributes:
        leaves: Lines of Python for the blocks that end here.
        is_part: True if the line looks for a part of the words of what follows.
    """

    step: ir.Step | None = None
    children: dict[Key, Node] = field(default_factory=dict)
    leaves: list[str] = field(default_factory=list)
    is_part: bool = False


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
        children = self._grouped(node)
        for at, child in enumerate(children):
            step = child.step
            assert step is not None
            yield from self._reads(step, indent, known, counts)
            if child.children and len(children) <= MAX_SIBLINGS:
                yield from self._shared(child, children[at + 1 :], indent, known)
            inner = dict(known)
            head, body = self._taken(step, indent, inner, counts)
            yield from head
            yield from self._written(child, body, inner, counts)

    def _grouped(self, node: Node) -> list[Node]:
        """What follows a node, with words that share a part behind that part."""
        if node.is_part:
            return list(node.children.values())
        found: list[Node] = []
        texts: dict[Key, dict[str, Node]] = {}
        for child in node.children.values():
            match child.step:
                case ir.Test(
                    ir.BuiltinCall("contains", (text, ir.Constant(str(word))))
                ):
                    texts.setdefault(self._expressions.keys.of(text), {})[word] = child
                case _:
                    found.append(child)
        for nodes in texts.values():
            for part, words in grouped(nodes).items():
                members = [nodes[word] for word in words]
                found.append(members[0] if words == [part] else _behind(part, members))
        return found

    def _shared(
        self, node: Node, later: list[Node], indent: str, known: dict[Key, str]
    ) -> Iterator[str]:
        """Lines that keep what is read below a node, and by one that comes later."""
        keys = self._expressions.keys
        below = {keys.of(p) for inner in _nodes(node) for p in _reads(inner.step)}
        for other in later:
            for part in reversed(list(_reads(other.step))):
                key = keys.of(part)
                if key in below and key not in known:
                    yield self._keep(part, key, indent, known)

    def _keep(
        self, part: ir.Expression, key: Key, indent: str, known: dict[Key, str]
    ) -> str:
        """The line that keeps what is read."""
        shown = _Known(self, known).expression(part)
        self._number += 1
        name = known[key] = f"{self._number}__"
        return f"{indent}{variable(name)} = {self._expressions.expression(shown)}"

    def _taken(
        self, step: ir.Step, indent: str, known: dict[Key, str], counts: Counter[Key]
    ) -> tuple[list[str], str]:
        """Lines that take a step, and the indentation of what follows if it holds."""
        shown = _Known(self, known).step(step)
        deeper = indent + _INDENT
        if isinstance(shown, ir.Bind):
            value = self._expressions.expression(shown.value)
            return [f"{indent}{variable(shown.name)} = {value}"], indent
        if isinstance(shown, ir.Try):
            name = variable(shown.name)
            known.update(self._found(step))
            value = self._expressions.partial(shown.value)
            return [
                f"{indent}{name} = {value}",
                f"{indent}if {name} is not None:",
            ], deeper
        if isinstance(shown, ir.Each):
            bit = self._bit(shown.collection)
            if bit is not None:
                head = f"{indent}for w, {variable(shown.value)} in C[{ELEMENTS}]:"
                return [head, f"{deeper}if w & {bit}:"], deeper + _INDENT
            return [f"{indent}{self._expressions.loop(shown)}:"], deeper
        if isinstance(shown, ir.ForAll):
            # Faster than `all` with a generator.
            holds = self._expressions.holds(shown.block)
            head = f"{indent}{self._expressions.loop(shown)}:"
            return [head, f"{deeper}if not {holds}: break", f"{indent}else:"], deeper
        if isinstance(shown, ir.Exclude) and len(indent) < len(_INDENT) * MAX_LOOPS:
            excluded = self._excluded(step, indent, known, counts)
            if excluded is not None:
                return excluded, deeper
        return [f"{indent}if {self._expressions.condition(shown)}:"], deeper

    def _bit(self, source: ir.Expression) -> int | None:
        """The bit of a bucket that a loop goes through."""
        match source:
            case ir.HelperCall(name, ()):
                return self._expressions.buckets.get(name)
        return None

    def _found(self, step: ir.Step) -> dict[Key, str]:
        """The field that a step looked for, which need not be read again."""
        match step:
            case ir.Try(
                name, ir.PartialOperation("field", (base, ir.Constant(str(field_name))))
            ):
                return {self._expressions.keys.of(ir.Member(base, field_name)): name}
        return {}

    def _excluded(
        self, step: ir.Step, indent: str, known: dict[Key, str], counts: Counter[Key]
    ) -> list[str] | None:
        """Lines of a loop that ends early where a block is fulfilled.

        None if an expression does as well, or the block has loops behind conditions.
        """
        assert isinstance(step, ir.Exclude)
        steps = step.block.steps
        binds = list(takewhile(lambda s: isinstance(s, ir.Bind), steps))
        rest = steps[len(binds) :]
        loops = [isinstance(s, ir.Each) for s in rest]
        if any(loops[1:]) or not any(isinstance(s, _BINDERS) for s in steps):
            return None
        known, lines = dict(known), list[str]()
        for bind in binds:
            lines += self._reads(bind, indent, known, counts)
            lines += self._taken(bind, indent, known, counts)[0]
        head = f"{indent}for once in ONCE:"
        if loops[0]:
            lines += self._reads(rest[0], indent, known, counts)
            ((head,), _) = self._taken(rest[0], indent, known, counts)
            rest = rest[1:]
        lines.append(head)
        inner = indent + _INDENT
        for part in rest:
            lines += self._reads(part, inner, known, counts)
            lines += self._needed(part, inner, known)
        return [*lines, f"{inner}break", f"{indent}else:"]

    def _needed(self, step: ir.Step, indent: str, known: dict[Key, str]) -> list[str]:
        """Lines that go on with the next round of a loop unless a step holds."""
        shown = _Known(self, known).step(step)
        if isinstance(shown, ir.Bind):
            value = self._expressions.expression(shown.value)
            return [f"{indent}{variable(shown.name)} = {value}"]
        if isinstance(shown, ir.Try):
            name = variable(shown.name)
            known.update(self._found(step))
            value = self._expressions.partial(shown.value)
            return [f"{indent}{name} = {value}", f"{indent}if {name} is None: continue"]
        assert isinstance(shown, ir.Test | ir.Exclude | ir.ForAll)
        return [f"{indent}if not {self._expressions.condition(shown)}: continue"]

    def _reads(
        self, step: ir.Step, indent: str, known: dict[Key, str], counts: Counter[Key]
    ) -> Iterator[str]:
        """Lines that keep what is read more than once."""
        for part in reversed(list(_reads(step))):
            key = self._expressions.keys.of(part)
            if counts[key] > 1 and key not in known:
                yield self._keep(part, key, indent, known)

    @property
    def expressions(self) -> Expressions:
        """What writes expressions."""
        return self._expressions


def _behind(part: str, nodes: list[Node]) -> Node:
    """A node that looks for a part of the words that other nodes look for."""
    match nodes[0].step:
        case ir.Test(ir.BuiltinCall(name, (text, _)) as call):
            look = replace(call, arguments=(text, ir.Constant(part)))
            children = {(name, at): node for at, node in enumerate(nodes)}
            return Node(ir.Test(look), children, is_part=True)
    raise InternalError("a node looks for no word")


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
            # Structs read the base twice.
            for part in (base, base, *path, default):
                yield from _reads(part)
        case ir.BuiltinCall(name, arguments):
            if name not in SHORT:
                yield node
            for part in arguments:
                yield from _reads(part)
                if name == "lower":
                    # It is shown twice: see `Expressions`.
                    yield from _reads(part)
        case ir.Operation(_, arguments) | ir.HelperCall(_, arguments):
            for part in arguments:
                yield from _reads(part)
