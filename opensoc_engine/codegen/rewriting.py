"""IR becomes other IR of the same meaning: the walks that every optimisation uses.

A rewriter rebuilds a node from its parts; a subclass changes what it wants to change.
Names stay unique in a body: what is copied into another body gets names of its own.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from opensoc_engine import ir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# The parts of each kind of node that are nodes, or tuples of them.
_PARTS: Mapping[type, tuple[str, ...]] = {
    ir.Member: ("base",),
    ir.Default: ("base", "path", "default"),
    ir.Display: ("items",),
    ir.ObjectDisplay: ("items",),
    ir.Collect: ("block", "key", "value"),
    ir.Each: ("collection",),
    ir.Test: ("condition",),
    ir.Bind: ("value",),
    ir.Try: ("value",),
    ir.Exclude: ("block",),
    ir.ForAll: ("collection", "block"),
    ir.Block: ("steps",),
    ir.Function: ("bodies", "results"),
    **dict.fromkeys(
        (
            ir.Operation,
            ir.BuiltinCall,
            ir.HelperCall,
            ir.PartialOperation,
            ir.PartialBuiltin,
            ir.PartialHelper,
        ),
        ("arguments",),
    ),
}

NodeT = TypeVar("NodeT", bound="ir.Placed")
Node: TypeAlias = "ir.Expression | ir.Partial | ir.Step | ir.Block"


def inside(*nodes: Any) -> list[Any]:
    """Some nodes and all their parts; those of one node stay in order."""
    found: list[Any] = []
    left = list(reversed(nodes))
    while left:
        node = left.pop()
        if isinstance(node, tuple):
            left.extend(reversed(node))
        elif node is not None:
            found.append(node)
            names = _PARTS.get(type(node), ())
            left += [getattr(node, name) for name in reversed(names)]
    return found


def _with(node: NodeT, **parts: Any) -> NodeT:
    """The node with other parts; itself, if they are the same: copies take long."""
    for name, part in parts.items():
        if getattr(node, name) is not part:
            return replace(node, **parts)
    return node


def _is_same(found: tuple[Any, ...], known: tuple[Any, ...]) -> bool:
    return all(map(operator.is_, found, known))


class Rewriter:
    """Rebuilds IR bottom up and changes nothing by itself."""

    def name(self, name: str) -> str:
        """What a variable that is bound here is called."""
        return name

    def function(self, function: ir.Function) -> ir.Function:
        """The helper with its bodies and results rewritten."""
        bodies = tuple(map(self.block, function.bodies))
        return replace(function, bodies=bodies, results=self.all(function.results))

    def block(self, block: ir.Block) -> ir.Block:
        """The block with its steps rewritten."""
        steps = tuple(map(self.step, block.steps))
        return block if _is_same(steps, block.steps) else ir.Block(steps)

    def step(self, step: ir.Step) -> ir.Step:
        """The step with its parts rewritten."""
        match step:
            case ir.Each(key, value, collection):
                source = self.expression(collection)
                names = self._key(key), self.name(value)
                return _with(step, key=names[0], value=names[1], collection=source)
            case ir.Test(condition):
                return _with(step, condition=self.expression(condition))
            case ir.Bind(name, value):
                return _with(step, name=self.name(name), value=self.expression(value))
            case ir.Try(name, partial):
                return _with(step, name=self.name(name), value=self.partial(partial))
            case ir.Exclude(block):
                return _with(step, block=self.block(block))
        source = self.expression(step.collection)
        names = self._key(step.key), self.name(step.value)
        inner = self.block(step.block)
        return _with(step, key=names[0], value=names[1], collection=source, block=inner)

    def _key(self, key: str | None) -> str | None:
        return None if key is None else self.name(key)

    def partial(self, node: ir.Partial) -> ir.Partial:
        """The operation with its arguments rewritten."""
        return _with(node, arguments=self.all(node.arguments))

    def all(self, nodes: tuple[ir.Expression, ...]) -> tuple[ir.Expression, ...]:
        """The expressions, rewritten."""
        found = tuple(map(self.expression, nodes))
        return nodes if _is_same(found, nodes) else found

    def expression(self, node: ir.Expression) -> ir.Expression:
        """The expression with its parts rewritten."""
        match node:
            case ir.Member(base):
                return _with(node, base=self.expression(base))
            case ir.Default(base, path, default):
                return _with(
                    node,
                    base=self.expression(base),
                    path=self.all(path),
                    default=self.expression(default),
                )
            case ir.Operation() | ir.BuiltinCall() | ir.HelperCall():
                return _with(node, arguments=self.all(node.arguments))
            case ir.Display(_, items):
                return _with(node, items=self.all(items))
            case ir.ObjectDisplay(pairs):
                shown = tuple(
                    (self.expression(key), self.expression(value))
                    for key, value in pairs
                )
                return _with(node, items=shown)
            case ir.Collect(_, block, key, value):
                inner = self.block(block)
                head = None if key is None else self.expression(key)
                return _with(node, block=inner, key=head, value=self.expression(value))
        return node


class Substitution(Rewriter):
    """Puts expressions where variables stood, and gives bound variables new names."""

    def __init__(
        self,
        values: Mapping[str, ir.Expression],
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._values = values
        self._names = names or {}

    def name(self, name: str) -> str:
        """The new name of a variable."""
        return self._names.get(name, name)

    def expression(self, node: ir.Expression) -> ir.Expression:
        """The expression; what is put in is not looked at again."""
        if isinstance(node, ir.Variable):
            found = self._values.get(node.name)
            return _with(node, name=self.name(node.name)) if found is None else found
        return super().expression(node)


def copied(
    block: ir.Block,
    results: tuple[ir.Expression, ...],
    values: Mapping[str, ir.Expression],
    fresh: Callable[[str], str],
) -> tuple[ir.Block, tuple[ir.Expression, ...]]:
    """A block and what comes after it, for another body.

    Args:
        block: Steps of a helper.
        results: Expressions that use what the steps bind.
        values: What stands for the helper's parameters.
        fresh: Gives a name that the other body does not have.
    """
    bound = [*all_bound(block), *inner_names(inside(results))]
    rename = Substitution(values, {name: fresh(name) for name in bound})
    return rename.block(block), rename.all(results)


def inner_names(parts: Iterable[Any]) -> list[str]:
    """The variables that comprehensions among some nodes bind."""
    found: dict[str, None] = {}
    for part in parts:
        if isinstance(part, ir.Collect):
            found.update(dict.fromkeys(all_bound(part.block)))
    return list(found)


def variables(*nodes: Any) -> frozenset[str]:
    """The variables that are read anywhere in some nodes."""
    found = {part.name for part in inside(*nodes) if isinstance(part, ir.Variable)}
    return frozenset(found)


def all_bound(*nodes: Any) -> frozenset[str]:
    """The variables that are bound anywhere inside of some nodes."""
    found: set[str] = set()
    for part in inside(*nodes):
        if isinstance(part, ir.Each | ir.ForAll):
            found.update(name for name in (part.key, part.value) if name)
        elif isinstance(part, ir.Bind | ir.Try):
            found.add(part.name)
    return frozenset(found)


def calls(*nodes: Any) -> set[str]:
    """The helpers that are called anywhere in some nodes."""
    return {
        part.function
        for part in inside(*nodes)
        if isinstance(part, ir.HelperCall | ir.PartialHelper)
    }


def called_once(*nodes: Any) -> set[str]:
    """The helpers that are called at one place in some nodes."""
    found = Counter(
        part.function
        for part in inside(*nodes)
        if isinstance(part, ir.HelperCall | ir.PartialHelper)
    )
    return {name for name, number in found.items() if number == 1}


def size(*nodes: Any) -> int:
    """How many parts some nodes have."""
    return len(inside(*nodes))


def parts_of(node: Any) -> tuple[Any, ...]:
    """The parts of a node, each a node or a tuple of nodes."""
    return tuple(getattr(node, name) for name in _PARTS.get(type(node), ()))


def height(node: Any) -> int:
    """How deeply the parts of a node are nested."""
    found, level = 0, [node]
    while level:
        found += 1
        level = [part for parent in level for part in _children(parent)]
    return found


def _children(node: Any) -> list[Any]:
    return _nodes(parts_of(node))


def _nodes(value: Any) -> list[Any]:
    if isinstance(value, tuple):
        return [node for part in value for node in _nodes(part)]
    return [] if value is None else [value]


def is_input_path(node: ir.Expression) -> bool:
    """True for the document and for fields that are read from it."""
    while isinstance(node, ir.Member):
        node = node.base
    return isinstance(node, ir.Input)


def is_lookup(node: ir.Expression) -> bool:
    """True for the elements that may have a key; `streams` names what gives them."""
    match node:
        case ir.Default(ir.HelperCall(_, ()), _, ir.Constant(())):
            return True
        case ir.HelperCall(name, (array, _)):
            # No helper of a policy begins with a letter.
            return name.startswith("c") and is_input_path(array)
    return False


def reads_all(*nodes: Any) -> bool:
    """True if the document is used otherwise than to read a known field of it."""
    parts = inside(*nodes)
    reads = 0
    for part in parts:
        match part:
            case ir.Member(ir.Input()):
                reads += 1
            case ir.Default(ir.Input(), (ir.Constant(), *_)):
                reads += 1
            case ir.PartialOperation("field", (ir.Input(), ir.Constant())):
                reads += 1
    return sum(isinstance(part, ir.Input) for part in parts) > reads


def is_atom(node: ir.Expression) -> bool:
    """True for what costs nothing to write twice."""
    return isinstance(node, ir.Constant | ir.Variable | ir.Input)


def bound_by(step: ir.Step) -> tuple[str, ...]:
    """The variables that a step binds for the steps after it."""
    match step:
        case ir.Each(key, value):
            return (value,) if key is None else (key, value)
        case ir.Bind(name) | ir.Try(name):
            return (name,)
    return ()


def used(block: ir.Block) -> ir.Block:
    """The block without values that nothing in it reads."""
    found: list[ir.Step] = []
    read: set[str] = set()
    for step in reversed(block.steps):
        if not isinstance(step, ir.Bind) or step.name in read:
            found.append(step)
            read |= variables(step)
    return ir.Block(tuple(reversed(found)))
