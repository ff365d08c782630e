"""Tests of elements get one order of steps, so that a tree of them shares the most.

A test is a conjunction: its steps may stand in any order, as long as a field is read
after the step that says that it is there. That step is a `Try` for the field, whose
variable is read instead, or a line that tells the members of a union apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.rewriting import (
    Rewriter,
    Substitution,
    bound_by,
    inside,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opensoc_engine.codegen.keys import Key, Keys

# What costs nothing to write twice: a tree reads it once.
_READS = (ir.Variable, ir.Constant, ir.Member, ir.Default, ir.BuiltinCall)


def ordered(blocks: Iterable[ir.Block], keys: Keys) -> list[ir.Block]:
    """The blocks, each with the steps first that most of them have."""
    plain = [ir.Block(_Plain(keys, {}).steps(block.steps)) for block in blocks]
    shown = [_shown(block, keys) for block in plain]
    counts = Counter(key for steps in shown for key in {step.key for step in steps})
    return [_in_order(steps, counts) for steps in shown]


class _Plain(Rewriter):
    """Puts values where variables stood, and variables where a field was found."""

    def __init__(self, keys: Keys, known: dict[Key, str]) -> None:
        self._keys = keys
        self._known = known

    def steps(self, steps: tuple[ir.Step, ...]) -> tuple[ir.Step, ...]:
        """The steps without needless variables."""
        found: list[ir.Step] = []
        values: dict[str, ir.Expression] = {}
        for step in steps:
            plain = self.step(Substitution(values).step(step))
            value = self._value(plain)
            if value is None:
                found.append(plain)
            else:
                values[bound_by(plain)[0]] = value
        return tuple(found)

    def _value(self, step: ir.Step) -> ir.Expression | None:
        """What a variable is, if nobody needs the step that binds it."""
        match step:
            case ir.Bind(_, value) if all(isinstance(p, _READS) for p in inside(value)):
                return value
            case ir.Try(
                name, ir.PartialOperation("field", (base, ir.Constant(str(field_name))))
            ):
                key = self._keys.of(ir.Member(base, field_name))
                if key in self._known:
                    return ir.Variable(self._known[key])
                self._known[key] = name
        return None

    def step(self, step: ir.Step) -> ir.Step:
        if isinstance(step, ir.Exclude):
            inner = _Plain(self._keys, dict(self._known))
            return replace(step, block=ir.Block(inner.steps(step.block.steps)))
        return super().step(step)

    def expression(self, node: ir.Expression) -> ir.Expression:
        found = super().expression(node)
        if isinstance(found, ir.Member):
            name = self._known.get(self._keys.of(found))
            return found if name is None else ir.Variable(name)
        return found


@dataclass(frozen=True, slots=True)
class _Shown:
    """A step, and what it says whatever its variables are called.

    Attributes:
        guards: The value whose kind it tells, and what that is a part of.
        reads: The fields that it reads, each after what that is a field of.
        handed: What it hands to helpers.
    """

    step: ir.Step
    key: Key
    guards: frozenset[Key]
    reads: frozenset[tuple[Key, Key]]
    handed: frozenset[Key]


def _shown(block: ir.Block, keys: Keys) -> list[_Shown]:
    found: list[_Shown] = []
    paths = Substitution({})
    values: dict[str, ir.Expression] = {}
    for step in block.steps:
        paths = Substitution(values)
        whole = paths.step(step)
        key = keys.of(whole.value) if isinstance(whole, ir.Bind | ir.Try) else None
        found.append(
            _Shown(
                step,
                (type(step).__name__, keys.of(whole) if key is None else key),
                frozenset(map(keys.of, _guarded(whole))),
                frozenset(
                    (
                        keys.of(paths.expression(part.base)),
                        keys.of(paths.expression(part)),
                    )
                    for part in inside(step)
                    if isinstance(part, ir.Member)
                ),
                frozenset(
                    keys.of(paths.expression(argument))
                    for part in inside(step)
                    if isinstance(part, ir.HelperCall | ir.PartialHelper)
                    for argument in part.arguments
                ),
            )
        )
        match whole:
            case ir.Try(
                name, ir.PartialOperation("field", (base, ir.Constant(str(field_name))))
            ):
                values[name] = ir.Member(base, field_name)
    return found


def _guarded(step: ir.Step) -> list[ir.Expression]:
    """The value whose kind a line may tell, and what that value is a part of."""
    match step:
        case ir.Test(ir.Operation("eq" | "in", (ir.Member(base), _))):
            return _path(base)
        case ir.Test(ir.Operation("eq", (_, ir.Member(base)))):
            return _path(base)
    return []


def _path(node: ir.Expression) -> list[ir.Expression]:
    found = [node]
    while isinstance(node, ir.Member):
        node = node.base
        found.append(node)
    return found


def _in_order(steps: list[_Shown], counts: Counter[Key]) -> ir.Block:
    found: list[ir.Step] = []
    left = list(steps)
    while left:
        ready = [
            item
            for at, item in enumerate(left)
            if not any(_must_wait(item, other, steps) for other in left[:at])
        ]
        item = max(ready, key=lambda item: counts[item.key])
        left = [other for other in left if other is not item]
        found.append(item.step)
    return ir.Block(tuple(found))


def _must_wait(later: _Shown, earlier: _Shown, steps: list[_Shown]) -> bool:
    """True if a step may only be taken after one that stood before it."""
    if variables(later.step).intersection(bound_by(earlier.step)):
        return True
    if not earlier.guards:
        return False
    if later.handed & earlier.guards:
        return True
    before = steps[: next(at for at, item in enumerate(steps) if item is earlier)]
    sure = {read for item in before for _, read in item.reads}
    return any(
        base in earlier.guards and read not in sure for base, read in later.reads
    )
