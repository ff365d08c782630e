"""A document under a program: values of expressions, and where they stand in it.

A frame is one way through the lines of one body. It knows its caller, so a value that
was handed to a helper is found where it stands in the document.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine import types as t
from opensoc_engine.explanation.paths import value_at
from opensoc_engine.interpreter import Evaluation
from opensoc_engine.ir_walk import binders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opensoc_engine.decision import CompiledPolicy
    from opensoc_engine.explanation.paths import Path
    from opensoc_engine.interpreter import Way

# Steps that one look at a document may take: about three seconds.
MAX_STEPS = 400_000
# What reading a value may raise where an earlier line failed that guards it.
UNGUARDED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


class TooMuchWorkError(Exception):
    """The document is too large for lines that are run without stopping."""


@dataclass(slots=True, eq=False)
class World:
    """One document, as the rules of one policy see it.

    Attributes:
        places: Where each object and array of the document stands, by identity.
        steps: How many steps were taken since the last beginning.
        total: How many were taken in all.
    """

    item: CompiledPolicy
    document: dict[str, Any]
    functions: Mapping[str, ir.Function]
    evaluation: Evaluation
    places: dict[int, Path] = field(default_factory=dict)
    steps: int = 0
    total: int = 0
    _binders: dict[int, dict[str, ir.Step]] = field(default_factory=dict)

    @classmethod
    def of(cls, item: CompiledPolicy, document: Mapping[str, Any]) -> World:
        """The world of a valid document."""
        return cls.seen(item, item.seen(document))

    @classmethod
    def seen(
        cls, item: CompiledPolicy, seen: dict[str, Any], parent: World | None = None
    ) -> World:
        """The world of a document as the rules see it; its steps count for a parent."""
        functions = {function.name: function for function in item.program.functions}
        evaluation = Evaluation(functions, seen, {})
        world = cls(item, seen, functions, evaluation)
        world.evaluation = replace(evaluation, watch=(parent or world).count)
        world.places.update(_containers(seen, ()))
        return world

    def count(self, _step: ir.Step, _way: Way, _after: list[Way]) -> None:
        """Count a step.

        Raises:
            TooMuchWorkError: There were too many.
        """
        self.steps += 1
        self.total += 1
        if self.steps > MAX_STEPS:
            raise TooMuchWorkError

    def begin(self) -> None:
        """Allow all steps again."""
        self.steps = 0

    def root(self, block: ir.Block) -> Frame:
        """The start of a body of a rule."""
        return Frame(self, {}, self.binders(block))

    def binders(self, block: ir.Block) -> dict[str, ir.Step]:
        """The step that binds each variable of a body."""
        if id(block) not in self._binders:
            self._binders[id(block)] = binders(block)
        return self._binders[id(block)]

    def type_at(self, path: Path) -> tuple[t.Type | None, bool]:
        """The type of what may stand at a path, and whether it must stand there."""
        kind: t.Type | None = self.item.document
        value: Any = self.document
        required = True
        for part in path:
            kind, required = _part_type(kind, part, value)
            value = _part(value, part)
        return kind, required

    def member_at(self, path: Path) -> t.Object | None:
        """The type of the object at a path: of a union, the member that it is."""
        value: Any = self.document
        for part in path:
            value = _part(value, part)
        return _member(self.type_at(path)[0], value)

    def identity(self, path: Path) -> str | None:
        """The id of the object at a path, if its type has one."""
        member = self.member_at(path)
        if member is None or member.identity is None:
            return None
        return str(value_at(self.document, path).get(member.identity))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One way through a body.

    Attributes:
        binders: The step that binds each variable.
        caller: Where the helper was called; None in a rule.
        arguments: What the caller handed over, by parameter.
    """

    world: World
    way: Way
    binders: Mapping[str, ir.Step]
    caller: Frame | None = None
    arguments: Mapping[str, ir.Expression] = field(default_factory=dict)

    def at(self, way: Way) -> Frame:
        """The same body on another way."""
        return replace(self, way=way)

    def moved(self, world: World) -> Frame:
        """The same way, and its callers', in a document that has more."""
        caller = None if self.caller is None else self.caller.moved(world)
        return replace(self, world=world, caller=caller)

    def value(self, node: ir.Expression) -> Any:
        """The value of an expression on this way."""
        return self.world.evaluation.value(node, self.way)

    def ways(self, block: ir.Block) -> list[Way]:
        """Every way to fulfil a block from here."""
        return self.world.evaluation.ways(block, self.way)

    def enter(
        self, name: str, arguments: tuple[ir.Expression, ...]
    ) -> Iterator[tuple[Frame, ir.Block, ir.Expression | None]]:
        """The start of each body of a helper, the body, and its result."""
        function = self.world.functions[name]
        values = [self.value(argument) for argument in arguments]
        way = dict(zip(function.parameters, values, strict=True))
        handed = dict(zip(function.parameters, arguments, strict=True))
        for at, block in enumerate(function.bodies):
            known = self.world.binders(block)
            result = function.results[at] if function.results else None
            if result is not None:
                # A result may bind variables of its own, in a comprehension.
                known = {**known, **binders(ir.Block((ir.Bind("", result),)))}
            yield Frame(self.world, way, known, self, handed), block, result

    def place(self, node: ir.Expression | ir.Partial) -> Path | None:
        """Where the value of an expression stands, or would, if in the document."""
        match node:
            case ir.Input():
                return ()
            case ir.Variable(name):
                return self._variable(name)
            case ir.Member(base, name):
                return self._below(base, name)
            case ir.Default(base, path):
                found = self.place(base)
                keys = tuple(self.value(key) for key in path)
                return None if found is None else (*found, *keys)
            case ir.Operation("lookup", (base, key)):
                return self._below(base, self.value(key))
            case ir.PartialOperation("field" | "item", (base, key)):
                return self._below(base, self.value(key))
            case ir.HelperCall(name, arguments) | ir.PartialHelper(name, arguments):
                return self._result(name, arguments)
        return None

    def is_tag(self, node: ir.Expression) -> bool:
        """True if an expression is what tells the members of a union apart."""
        found = self.place(node)
        if not found:
            return False
        kind, _ = self.world.type_at(found[:-1])
        return isinstance(kind, t.Union) and found[-1] == kind.discriminator

    def _below(self, base: ir.Expression, key: str | int) -> Path | None:
        found = self.place(base)
        return None if found is None else (*found, key)

    def _result(self, name: str, arguments: tuple[ir.Expression, ...]) -> Path | None:
        """Where the value of a helper stands that only picks a part of the document."""
        if self.world.functions[name].kind != "value":
            return None
        frame, block, result = next(self.enter(name, arguments))
        ways = frame.ways(block)
        return frame.at(ways[0]).place(result) if ways and result is not None else None

    def _variable(self, name: str) -> Path | None:
        if name in self.arguments:
            assert self.caller is not None
            return self.caller.place(self.arguments[name])
        match self.binders.get(name):
            case ir.Bind(_, value) | ir.Try(_, value):
                return self.place(value)
            case ir.Each(key, value, collection) | ir.ForAll(key, value, collection):
                return self._element(name, key, collection) if name == value else None
        return None

    def _element(
        self, name: str, key: str | None, collection: ir.Expression
    ) -> Path | None:
        element = self.way.get(name)
        if isinstance(element, dict | list) and id(element) in self.world.places:
            return self.world.places[id(element)]
        above = self.place(collection)
        if above is None or name not in self.way:
            return None
        if key is not None:
            return (*above, self.way[key])
        values = self.value(collection)
        pairs = values.items() if isinstance(values, dict) else enumerate(values)
        return next(((*above, k) for k, found in pairs if found == element), None)


def _containers(value: Any, path: Path) -> Iterator[tuple[int, Path]]:
    if isinstance(value, dict):
        yield id(value), path
        for key, part in value.items():
            yield from _containers(part, (*path, key))
    elif isinstance(value, list):
        yield id(value), path
        for index, part in enumerate(value):
            yield from _containers(part, (*path, index))


def _part(value: Any, part: str | int) -> Any:
    """A part of a value; None if it has no such part."""
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _part_type(
    kind: t.Type | None, part: str | int, value: Any
) -> tuple[t.Type | None, bool]:
    match kind:
        case t.Array(element):
            return element, False
        case t.Map(_, element):
            return element, False
        case t.Object() | t.Union():
            member = _member(kind, value)
            found = member.field(str(part)) if member else None
            return (None, True) if found is None else (found.type, found.required)
    return None, True


def _member(kind: t.Type | None, value: Any) -> t.Object | None:
    """The object type of a value: of a union, the member that its tag names."""
    if isinstance(kind, t.Object):
        return kind
    if not isinstance(kind, t.Union) or not isinstance(value, dict):
        return None
    tag = value.get(kind.discriminator)
    return next((m for m in kind.members if tag in kind.tags(m)), None)
