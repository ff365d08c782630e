"""A line of a policy becomes changes after which it may hold, or no longer hold.

Changes are derived from the line itself: from the threshold that a number misses, the
members that a value is not among, the record that an estate lacks. Each is a guess that
the search puts to the policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine import types as t
from opensoc_engine.explanation.aims import aims, different, is_name, remove, sources
from opensoc_engine.explanation.copies import copies
from opensoc_engine.explanation.lines import refused
from opensoc_engine.explanation.paths import Edit, edited, value_at
from opensoc_engine.explanation.predicates import turn_builtin
from opensoc_engine.explanation.samples import sample, samples
from opensoc_engine.explanation.tracer import nearest
from opensoc_engine.explanation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.explanation.aims import Edits
    from opensoc_engine.explanation.paths import Path
    from opensoc_engine.explanation.tracer import Nearest
    from opensoc_engine.explanation.world import Frame

# Of the ways through a body that nearly hold, and of members, this many are tried.
_TRIED_WAYS = 4
_TRIED_MEMBERS = 8
# Lines of one new record that are put right, one after the other.
_MAX_ROUNDS = 16
_TRIED_EDITS = 8

_OPPOSITE = {
    "eq": "ne",
    "ne": "eq",
    "same": "differ",
    "differ": "same",
    "lt": "ge",
    "ge": "lt",
    "gt": "le",
    "le": "gt",
}
_STEP = {"lt": -1, "gt": 1, "le": 0, "ge": 0}


def reach(
    frame: Frame, block: ir.Block, found: list[Nearest] | None = None
) -> Iterator[Edits]:
    """Changes after which a body may hold; `found` are its attempts, if known."""
    for item in (nearest(frame, block) if found is None else found)[:_TRIED_WAYS]:
        yield from _mend(frame, item)
    for at, step in enumerate(block.steps):
        if isinstance(step, ir.Each):
            yield from _new_record(frame, block, at)


def _mend(frame: Frame, item: Nearest) -> Iterator[Edits]:
    """Changes for the first line that failed; the others come into view after it."""
    for failure in item.attempt.failures[:1]:
        yield from mend(frame.at(failure.way), failure.step)


def mend(frame: Frame, step: ir.Step) -> Iterator[Edits]:
    """Changes after which a step may succeed."""
    match step:
        case ir.Test(condition):
            yield from turn(frame, condition, to=True)
        case ir.Try(_, partial):
            yield from _provide(frame, partial)
        case ir.Exclude(block):
            yield from defeat(frame, block)
        case ir.ForAll(_, name, collection, _, block):
            for way in refused(frame, step)[:1]:
                here = frame.at(way)
                yield from reach(here, block)
                yield from remove(frame.world, here.place(ir.Variable(name)))
            yield from shrink(frame, collection)
        case ir.Each(_, _, collection):
            yield from grow(frame, collection, 1)


def defeat(frame: Frame, block: ir.Block) -> Iterator[Edits]:
    """Changes after which a body may no longer hold."""
    for way in frame.ways(block)[:_TRIED_WAYS]:
        here = frame.at(way)
        for step in block.steps:
            yield from _break(here, step)


def _break(frame: Frame, step: ir.Step) -> Iterator[Edits]:
    match step:
        case ir.Test(condition):
            yield from turn(frame, condition, to=False)
        case ir.Try(_, ir.PartialOperation("field") as partial):
            yield from remove(frame.world, frame.place(partial))
        case ir.Try(_, ir.PartialHelper(name, arguments)):
            for body, block, _ in frame.enter(name, arguments):
                yield from defeat(body, block)
        case ir.Each(_, name):
            yield from remove(frame.world, frame.place(ir.Variable(name)))
        case ir.Exclude(block):
            yield from reach(frame, block)
        case ir.ForAll(key, name, collection, kind, block):
            each = ir.Each(key, name, collection, kind)
            for way in frame.world.evaluation.step(each, frame.way)[:1]:
                yield from defeat(frame.at(way), block)


def _provide(frame: Frame, partial: ir.Partial) -> Iterator[Edits]:
    """Changes after which there may be a value."""
    match partial:
        case ir.PartialOperation("field"):
            path = frame.place(partial)
            if path is not None and not is_name(frame.world, path):
                kind, _ = frame.world.type_at(path)
                for value in samples(kind) if kind is not None else ():
                    yield (Edit("set", path, value),)
        case ir.PartialOperation("item", (base, _)):
            yield from grow(frame, base, 1)
        case ir.PartialHelper(name, arguments):
            for body, block, _ in frame.enter(name, arguments):
                yield from reach(body, block)
        case ir.PartialBuiltin("max" | "min", (values,)):
            yield from grow(frame, values, 1)


def turn(frame: Frame, node: ir.Expression, *, to: bool) -> Iterator[Edits]:
    """Changes after which a condition may be true, or false."""
    match node:
        case ir.Operation("in" | "in_values", (element, values)):
            yield from _membership(frame, element, values, to=to)
        case ir.Operation(operator, (left, right)) if operator in _OPPOSITE:
            wanted = operator if to else _OPPOSITE[operator]
            yield from _compare(frame, wanted, left, right)
        case ir.HelperCall(name, arguments):
            for body, block, _ in frame.enter(name, arguments):
                yield from reach(body, block) if to else defeat(body, block)
        case ir.BuiltinCall(name, arguments):
            yield from turn_builtin(frame, name, arguments, to=to)
        case _:
            yield from aims(frame, node, to)
            if not to:
                yield from remove(frame.world, frame.place(node))


def _compare(
    frame: Frame, operator: str, left: ir.Expression, right: ir.Expression
) -> Iterator[Edits]:
    first, second = frame.value(left), frame.value(right)
    match operator:
        case "eq" | "same":
            yield from _meet(frame, left, second)
            yield from _meet(frame, right, first)
        case "ne" | "differ":
            yield from different(frame, left)
            yield from different(frame, right)
        case _ if isinstance(first, int | Decimal):
            step = _STEP[operator]
            yield from _meet(frame, left, second + step)
            yield from _meet(frame, right, first - step)


def _meet(frame: Frame, node: ir.Expression, wanted: Any) -> Iterator[Edits]:
    """Changes after which an expression may have a value; numbers may be counts."""
    yield from aims(frame, node, wanted)
    for inner, source in _counted(frame, node):
        missing = wanted - frame.value(node)
        if missing > 0:
            yield from grow(inner, source, missing)
        else:
            yield from shrink(inner, source)


def _counted(frame: Frame, node: ir.Expression) -> Iterator[tuple[Frame, Any]]:
    """The collection that a number is the size or the sum of."""
    match node:
        case ir.BuiltinCall("count" | "sum", (values,)):
            yield frame, values
        case ir.Operation("multiply" | "multiply_exact", arguments):
            for argument in arguments:
                yield from _counted(frame, argument)
        case ir.Variable(name):
            match frame.binders.get(name):
                case ir.Bind(_, value):
                    yield from _counted(frame, value)


def _membership(
    frame: Frame, element: ir.Expression, values: ir.Expression, *, to: bool
) -> Iterator[Edits]:
    found = frame.value(values)
    members = found.values() if isinstance(found, dict) else found
    if not to:
        yield from different(frame, element)
        yield from shrink(frame, values)
        return
    ordered = sorted(members, key=lambda member: (str(type(member)), member))
    for member in ordered[:_TRIED_MEMBERS]:
        yield from aims(frame, element, member)
    path = frame.place(values)
    if path is not None and isinstance(found, list):
        yield (Edit("append", path, (frame.value(element),)),)
    else:
        yield from grow(frame, values, 1)


def grow(frame: Frame, node: ir.Expression, more: int) -> Iterator[Edits]:
    """Changes after which a collection may have more elements."""
    for inner, found in sources(frame, node):
        path = inner.place(found)
        if path is not None:
            yield from _append(inner.world, path, more)
        elif isinstance(found, ir.Collect):
            yield from _gather(inner, found, more)
        elif isinstance(found, ir.Operation):
            for part in found.arguments:
                yield from grow(inner, part, more)


def _append(world: World, path: Path, more: int) -> Iterator[Edits]:
    """Elements more for an array: like its last one, or made up."""
    kind, _ = world.type_at(path)
    size = len(value_at(world.document, path))
    if size:
        yield from _repeat(world, (*path, size - 1), more)
    if isinstance(kind, t.Array) and more == 1:
        yield (Edit("append", path, (sample(kind.element),)),)


def _gather(frame: Frame, node: ir.Collect, more: int) -> Iterator[Edits]:
    """Repeat elements that qualify, and let others qualify that nearly do."""
    ways = frame.ways(node.block)
    for step in node.block.steps:
        if isinstance(step, ir.Each):
            for way in ways[-1:]:
                path = frame.at(way).place(ir.Variable(step.value))
                if path is not None and isinstance(path[-1], int):
                    yield from _repeat(frame.world, path, more)
                else:
                    yield from grow(frame, step.collection, more)
    yield from reach(frame, node.block)


def _repeat(world: World, path: Path, more: int) -> Iterator[Edits]:
    """Copies of an element, each with an id of its own and a little later."""
    above, at = path[:-1], path[-1]
    kind = world.member_at(path)
    if kind is not None and isinstance(at, int):
        siblings = value_at(world.document, above)
        for group in copies(siblings, at, kind, more):
            yield (Edit("append", above, group),)


def shrink(frame: Frame, node: ir.Expression) -> Iterator[Edits]:
    """Changes after which a collection may have fewer elements."""
    for inner, found in sources(frame, node):
        path = inner.place(found)
        if path is not None:
            value = inner.value(found)
            if isinstance(value, list) and value:
                yield (Edit("remove", (*path, len(value) - 1)),)
        elif isinstance(found, ir.Collect):
            yield from defeat(inner, found.block)
        elif isinstance(found, ir.Operation):
            for part in found.arguments:
                yield from shrink(inner, part)


def _new_record(frame: Frame, block: ir.Block, at: int) -> Iterator[Edits]:
    """A new element of the array that a `some` walks over, put right line by line."""
    each = block.steps[at]
    assert isinstance(each, ir.Each)
    before = ir.Block(block.steps[:at])
    for way in frame.ways(before)[:1]:
        path = frame.at(way).place(each.collection)
        if path is None:
            continue
        kind, _ = frame.world.type_at(path)
        if isinstance(kind, t.Array) and isinstance(kind.element, t.Object):
            record = _fitted(frame.at(way), path, kind.element, block, at)
            if record is not None:
                yield (Edit("append", path, (record,)),)


def _fitted(
    frame: Frame, path: Path, kind: t.Type, block: ir.Block, at: int
) -> Any | None:
    """An element for which the lines after `some` hold; None if none was found."""
    trial = _Trial(frame, path, block, at)
    record = sample(kind)
    distance = trial.distance(record)
    for _ in range(_MAX_ROUNDS):
        if not distance:
            return record
        for other in islice(trial.better(record), _TRIED_EDITS):
            reached = trial.distance(other)
            if reached < distance:
                record, distance = other, reached
                break
        else:
            return None
    return None


@dataclass(frozen=True, slots=True)
class _Trial:
    """A body tried with one more element in the array that a `some` walks over."""

    frame: Frame
    path: Path
    block: ir.Block
    at: int

    def distance(self, record: Any) -> float:
        """How far the lines after `some` are from holding for an element."""
        here, rest = self._start(record)
        if here.ways(rest):
            return 0
        found = nearest(here, rest)
        return found[0].distance if found else inf

    def better(self, record: Any) -> Iterator[Any]:
        """Elements that differ in what the first failed line asks for."""
        here, rest = self._start(record)
        place = self._place
        for item in nearest(here, rest)[:1]:
            for edits in _mend(here, item):
                if len(edits) == 1 and edits[0].path[: len(place)] == place:
                    yield value_at(edited(here.world.document, edits[0]), place)

    @property
    def _place(self) -> Path:
        return (*self.path, len(value_at(self.frame.world.document, self.path)))

    def _start(self, record: Any) -> tuple[Frame, ir.Block]:
        world = self.frame.world
        more = edited(world.document, Edit("append", self.path, (record,)))
        moved = self.frame.moved(World.seen(world.item, more, world))
        each = self.block.steps[self.at]
        assert isinstance(each, ir.Each)
        way = {**moved.way, each.value: record}
        if each.key is not None:
            way[each.key] = self._place[-1]
        return moved.at(way), ir.Block(self.block.steps[self.at + 1 :])
