"""A value that an expression should have becomes changes of the facts it is made of.

An aim is a guess: whether it hits is found out by evaluating the policy again.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine import ir
from opensoc_engine import types as t
from opensoc_engine.explanation.paths import Edit, value_at
from opensoc_engine.explanation.samples import (
    NANOSECONDS,
    fits,
    others,
    plain,
    rfc3339,
    sample,
)
from opensoc_engine.explanation.world import UNGUARDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opensoc_engine.explanation.paths import Path
    from opensoc_engine.explanation.world import Frame, World

# Changes that only make sense together.
Edits: TypeAlias = "tuple[Edit, ...]"

# Functions whose value is their argument's if that is written as they write it.
_TRANSPARENT = ("lower", "upper", "trim_space", "round", "floor", "ceil", "to_number")
# Ways through a comprehension of which one is changed.
_TRIED_WAYS = 3


def put(world: World, path: Path, value: Any) -> Iterator[Edits]:
    """The change that puts another value at a path, if the schema may allow it."""
    kind, _ = world.type_at(path)
    found = plain(value, kind)
    if not fits(kind, found) or is_name(world, path):
        return
    known = _standing(world, path)
    if type(known) is not type(found) or known != found:
        yield (_reaching(world, path, found),)


def _standing(world: World, path: Path) -> Any:
    """What stands at a path; None if nothing does."""
    try:
        return value_at(world.document, path)
    except LookupError:
        return None


def _reaching(world: World, path: Path, value: Any) -> Edit:
    """The change, with the objects that are missing on the way to the path."""
    for length in range(len(path) - 1, 0, -1):
        try:
            value_at(world.document, path[:length])
            break
        except LookupError:
            kind, _ = world.type_at(path[:length])
            made = sample(kind) if isinstance(kind, t.Object) else {}
            value, path = {**made, path[-1]: value}, path[:-1]
    return Edit("set", path, value)


def is_name(world: World, path: Path) -> bool:
    """True for what tells objects apart: an id, or the kind of an event."""
    kind, _ = world.type_at(path[:-1])
    match kind:
        case t.Object():
            return path[-1] == kind.identity
        case t.Union(_, discriminator, members):
            return path[-1] in (discriminator, members[0].identity)
    return False


def remove(world: World, path: Path | None) -> Iterator[Edits]:
    """The change that takes away what stands at a path, if it may be missing."""
    if path and not world.type_at(path)[1] and _standing(world, path) is not None:
        yield (Edit("remove", path),)


def aims(frame: Frame, node: ir.Expression, wanted: Any) -> Iterator[Edits]:
    """Changes after which an expression may have the value that is wanted."""
    match node:
        case ir.Variable(name):
            yield from _aim_variable(frame, name, wanted)
        case ir.Member() | ir.Default() | ir.Operation("lookup"):
            path = frame.place(node)
            if path is not None:
                yield from put(frame.world, path, wanted)
        case ir.Operation(operator, arguments):
            yield from _aim_operation(frame, operator, arguments, wanted)
        case ir.BuiltinCall(name, arguments):
            yield from _aim_builtin(frame, name, arguments, wanted)
        case ir.HelperCall(name, arguments):
            yield from _aim_result(frame, name, arguments, wanted)


def _aim_variable(frame: Frame, name: str, wanted: Any) -> Iterator[Edits]:
    if name in frame.arguments:
        assert frame.caller is not None
        yield from aims(frame.caller, frame.arguments[name], wanted)
        return
    match frame.binders.get(name):
        case ir.Bind(_, value):
            yield from aims(frame, value, wanted)
        case ir.Try(_, ir.PartialBuiltin(builtin, arguments)):
            yield from _aim_builtin(frame, builtin, arguments, wanted)
        case ir.Try(_, ir.PartialHelper(helper, arguments)):
            yield from _aim_result(frame, helper, arguments, wanted)
        case ir.Try(_, ir.PartialOperation("divide", (left, right))):
            yield from aims(frame, left, wanted * frame.value(right))
        case ir.Try() | ir.Each() | ir.ForAll():
            path = frame.place(ir.Variable(name))
            if path is not None:
                yield from put(frame.world, path, wanted)


def _aim_operation(
    frame: Frame, operator: str, arguments: tuple[ir.Expression, ...], wanted: Any
) -> Iterator[Edits]:
    if operator.startswith("negate"):
        yield from aims(frame, arguments[0], -wanted)
        return
    if len(arguments) != 2 or not isinstance(wanted, int | Decimal):  # noqa: PLR2004
        return
    left, right = arguments
    first, second = frame.value(left), frame.value(right)
    match operator.removesuffix("_exact"):
        case "add":
            yield from aims(frame, left, wanted - second)
            yield from aims(frame, right, wanted - first)
        case "subtract":
            yield from aims(frame, left, wanted + second)
            yield from aims(frame, right, first - wanted)
        case "multiply":
            for side, other in ((left, second), (right, first)):
                if other:
                    yield from aims(frame, side, _quotient(wanted, other))


def _quotient(wanted: Any, other: Any) -> Any:
    """Rounded up, since most products must reach a limit."""
    exact = Decimal(wanted) / Decimal(other)
    if isinstance(wanted, int) and isinstance(other, int):
        return -(-wanted // other)
    return exact


def _aim_builtin(
    frame: Frame, name: str, arguments: tuple[ir.Expression, ...], wanted: Any
) -> Iterator[Edits]:
    if name in _TRANSPARENT:
        yield from aims(frame, arguments[0], wanted)
    elif name == "abs":
        yield from aims(frame, arguments[0], wanted)
        yield from aims(frame, arguments[0], -wanted)
    elif name == "time.parse_rfc3339_ns":
        for text in _times(int(wanted)):
            yield from aims(frame, arguments[0], text)
    elif name in ("sum", "max", "min"):
        (values,) = arguments
        total = frame.world.evaluation.value(ir.BuiltinCall(name, arguments), frame.way)
        for inner, value in members(frame, values):
            aimed = wanted - total + inner.value(value) if name == "sum" else wanted
            yield from aims(inner, value, aimed)


def _times(wanted: int) -> Iterator[str]:
    """The whole seconds on both sides of an instant, or the one that it is."""
    second = wanted // NANOSECONDS
    for moment in dict.fromkeys((-(-wanted // NANOSECONDS), second)):
        text = rfc3339(moment * NANOSECONDS)
        if text is not None:
            yield text


def members(frame: Frame, node: ir.Expression) -> Iterator[tuple[Frame, ir.Expression]]:
    """The first elements of a comprehension: the way of each, and its head."""
    for inner, found in sources(frame, node):
        if isinstance(found, ir.Collect):
            for way in inner.ways(found.block)[:_TRIED_WAYS]:
                yield inner.at(way), found.value


def sources(frame: Frame, node: ir.Expression) -> Iterator[tuple[Frame, ir.Expression]]:
    """What a value is made by, through variables, parameters and helpers."""
    match node:
        case ir.Variable(name) if name in frame.arguments:
            assert frame.caller is not None
            yield from sources(frame.caller, frame.arguments[name])
        case ir.Variable(name):
            match frame.binders.get(name):
                case ir.Bind(_, value):
                    yield from sources(frame, value)
                case ir.Try(_, ir.PartialHelper(helper, arguments)):
                    yield from _results(frame, helper, arguments)
                case _:
                    yield frame, node
        case ir.HelperCall(name, arguments):
            yield from _results(frame, name, arguments)
        case ir.BuiltinCall("sort" | "count", (values,)):
            yield from sources(frame, values)
        case _:
            yield frame, node


def written(frame: Frame, node: ir.Expression) -> Iterator[tuple[Frame, ir.Expression]]:
    """A text as the document has it, before its letters are made small or large."""
    for inner, found in sources(frame, node):
        match found:
            case ir.BuiltinCall("lower" | "upper" | "trim_space", (text,)):
                yield from written(inner, text)
            case _:
                yield inner, found


def _results(
    frame: Frame, name: str, arguments: tuple[ir.Expression, ...]
) -> Iterator[tuple[Frame, ir.Expression]]:
    """The result of each body of a value or a set, a set's as a comprehension."""
    kind = frame.world.functions[name].kind
    for body, block, result in frame.enter(name, arguments):
        if result is not None and kind == "set":
            yield body, ir.Collect("set", block, None, result)
        elif result is not None:
            for way in body.ways(block)[:1]:
                yield from sources(body.at(way), result)


def _aim_result(
    frame: Frame, name: str, arguments: tuple[ir.Expression, ...], wanted: Any
) -> Iterator[Edits]:
    for body, block, result in frame.enter(name, arguments):
        for way in body.ways(block)[:1]:
            if result is not None:
                yield from aims(body.at(way), result, wanted)


def different(frame: Frame, node: ir.Expression) -> Iterator[Edits]:
    """Changes after which an expression may have another value than it has."""
    path = frame.place(node)
    kind = frame.world.type_at(path)[0] if path else None
    for value in others(kind, frame.value(node)):
        yield from aims(frame, node, value)
    yield from remove(frame.world, path)


def guarded(make: Callable[[], Iterator[Edits]]) -> Iterator[Edits]:
    """The changes until one can't be derived from what is known."""
    try:
        yield from make()
    except UNGUARDED:
        return
