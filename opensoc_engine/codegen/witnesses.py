"""What an element must have for a test to hold, so that most tests are never tried.

A witness is a value that the element must have at one of some places, such as the name
of an image. Tests that look at the same places share a table: one look-up says which
tests can hold, however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine import ir
from opensoc_engine.codegen.rewriting import Substitution, bound_by, variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.codegen.keys import Key, Keys

_MAX_DEPTH = 3
_MAX_VALUES = 2_000
_MAX_PLACES = 4

Values: TypeAlias = frozenset[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element has a witness.

    Attributes:
        steps: What must be read before; the place has no value if that fails.
        values: The values that the test may hold for.
    """

    steps: tuple[ir.Step, ...]
    value: ir.Expression
    values: Values


@dataclass(frozen=True, slots=True)
class Witness:
    """The places of a witness, and how many steps of the block it stands for."""

    places: tuple[Place, ...]
    length: int

    def key(self, keys: Keys, element: str) -> Key:
        """Says whether two witnesses are looked for at the same places."""
        parts = [
            keys.of((place.steps, place.value), (element,)) for place in self.places
        ]
        return tuple(parts)


def witness_of(block: ir.Block, functions: Mapping[str, ir.Function]) -> Witness | None:
    """The first witness that a block wants."""
    return _witness(block, functions, 0)


def _witness(
    block: ir.Block, functions: Mapping[str, ir.Function], depth: int
) -> Witness | None:
    for at, step in enumerate(block.steps):
        if isinstance(step, ir.Each):
            place = _looked_up(block.steps[:at], step)
            return None if place is None else Witness((place,), at + 1)
        if not isinstance(step, ir.Test):
            continue
        match step.condition:
            case ir.Operation("eq", (read, ir.Constant(value))):
                return _at(block.steps[:at], read, frozenset((value,)), at)
            case ir.Operation("eq", (ir.Constant(value), read)):
                return _at(block.steps[:at], read, frozenset((value,)), at)
            case ir.Operation("in", (read, ir.Constant(values))):
                return _at(block.steps[:at], read, frozenset(values), at)
            case ir.HelperCall() as call if depth < _MAX_DEPTH:
                places = _called(block.steps[:at], call, functions, depth)
                if places is not None:
                    return Witness(places, at + 1)
    return None


def _at(
    before: tuple[ir.Step, ...], read: ir.Expression, values: Values, at: int
) -> Witness | None:
    """The witness at one place."""
    if not variables(read) or len(values) > _MAX_VALUES:
        return None
    return Witness((Place(_binders(before), read, values),), at + 1)


def _looked_up(before: tuple[ir.Step, ...], step: ir.Each) -> Place | None:
    """The place of a value that a table is looked up with."""
    match step.collection:
        case ir.Default(ir.Constant(dict(table)), (read,), ir.Constant(())):
            if variables(read) and len(table) <= _MAX_VALUES:
                return Place(_binders(before), read, frozenset(table))
    return None


def _called(
    before: tuple[ir.Step, ...],
    call: ir.HelperCall,
    functions: Mapping[str, ir.Function],
    depth: int,
) -> tuple[Place, ...] | None:
    """The places of all bodies of a predicate, if each of them wants a witness."""
    function = functions.get(call.function)
    if function is None or function.kind != "predicate" or not function.bodies:
        return None
    found: list[Place] = []
    values = dict(zip(function.parameters, call.arguments, strict=True))
    put_in = Substitution(values)
    for body in function.bodies:
        inner = _witness(body, functions, depth + 1)
        if inner is None or len(found) + len(inner.places) > _MAX_PLACES:
            return None
        for place in inner.places:
            steps = tuple(put_in.step(step) for step in place.steps)
            value = put_in.expression(place.value)
            outer = (*_binders(before), *steps)
            found.append(Place(outer, value, place.values))
    return tuple(found)


def _binders(before: tuple[ir.Step, ...]) -> tuple[ir.Step, ...]:
    """The steps that bind something: one may say that what is read is there."""
    return tuple(step for step in before if bound_by(step))
