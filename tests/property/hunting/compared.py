"""Which field the compiled policies compare with which values.

The typed IR is read as it stands: a field is the last two names of the path that leads
to it (`process.name`), and its values are all constants that stand on the other side of
a comparison, those of lists and those that a helper is handed included. What passes
through a variable or a parameter is followed until nothing new is found.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine.ir_walk import inside
from opensoc_env.judge import default_judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge", "in", "in_values"}
_SAME_TEXT = {"lower", "upper", "trim_space"}
# Chains of helpers in policies are short; each pass follows one call further.
_PASSES = 4
_Scope = str
_Known = tuple[frozenset[str], tuple[Any, ...]]
_NOTHING: _Known = (frozenset(), ())


@cache
def values_of_fields() -> Mapping[str, tuple[Any, ...]]:
    """The scalars that each field is compared with, in a fixed order."""
    judge = default_judge()
    found: dict[str, set[Any]] = defaultdict(set)
    for policy_set in (judge.verifier, judge.plausibility):
        for policy in policy_set.compiled:
            for path, values in _Reader(policy.program).read():
                found[path].update(values)
    return {
        path: tuple(sorted(values, key=lambda v: (type(v).__name__, str(v))))
        for path, values in sorted(found.items())
    }


@dataclass(slots=True)
class _Reader:
    """What variables hold in one policy: paths of the input, and constants."""

    module: ir.Module
    known: dict[tuple[_Scope, str], _Known] = field(default_factory=dict)

    def read(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Each comparison of a field with constants."""
        parts = list(self._parts())
        for _ in range(_PASSES):
            for scope, part in parts:
                self._follow(scope, part)
        for scope, part in parts:
            yield from self._compared(scope, part)

    def _parts(self) -> Iterator[tuple[_Scope, Any]]:
        for function in self.module.functions:
            for body in (*function.bodies, function.results):
                yield from ((function.name, part) for part in inside(body))
        for rule in self.module.rules:
            for at, rule_body in enumerate(rule.bodies):
                scope = f"{rule.id} {at}"
                yield from ((scope, part) for part in inside(rule_body.block))

    def _follow(self, scope: _Scope, part: Any) -> None:
        match part:
            case ir.Bind(name, value) | ir.Try(name, value):
                self._learn(scope, name, self._holds(scope, value))
            case ir.Each(_, name, collection) | ir.ForAll(_, name, collection):
                paths, values = self._holds(scope, collection)
                self._learn(scope, name, (paths, tuple(_items(values))))
            case ir.HelperCall(called, arguments) | ir.PartialHelper(called, arguments):
                names = self._parameters(called)
                for name, argument in zip(names, arguments, strict=False):
                    self._learn(called, name, self._holds(scope, argument))

    def _parameters(self, called: str) -> tuple[str, ...]:
        functions = self.module.functions
        return next((f.parameters for f in functions if f.name == called), ())

    def _learn(self, scope: _Scope, name: str, holds: _Known) -> None:
        paths, values = self.known.get((scope, name), _NOTHING)
        new = tuple(value for value in holds[1] if value not in values)
        self.known[scope, name] = (paths | holds[0], values + new)

    def _holds(self, scope: _Scope, node: Any) -> _Known:
        match node:
            case ir.Constant(value):
                return frozenset(), (value,)
            case ir.Input():
                return frozenset({""}), ()
            case ir.Variable(name):
                return self.known.get((scope, name), _NOTHING)
            case ir.Member(base, name):
                return _member(self._holds(scope, base), name)
            case ir.Default(base, path):
                return self._keys(scope, base, path)
            case ir.PartialOperation("field", (base, key)):
                return self._keys(scope, base, (key,))
            case ir.BuiltinCall(name, arguments) if name in _SAME_TEXT:
                return self._holds(scope, arguments[0])
            case ir.Display(_, items):
                held = [self._holds(scope, item) for item in items]
                return frozenset[str]().union(*(h[0] for h in held)), tuple(
                    value for h in held for value in h[1]
                )
        return _NOTHING

    def _keys(self, scope: _Scope, base: Any, keys: tuple[Any, ...]) -> _Known:
        holds = self._holds(scope, base)
        for key in keys:
            if not isinstance(key, ir.Constant):
                return _NOTHING
            holds = _member(holds, str(key.value))
        return holds

    def _compared(
        self, scope: _Scope, part: Any
    ) -> Iterator[tuple[str, tuple[Any, ...]]]:
        match part:
            case ir.Operation(operator, arguments) if operator in _COMPARISONS:
                pass
            case ir.BuiltinCall(_, arguments) if len(arguments) > 1:
                pass
            case _:
                return
        held = [self._holds(scope, argument) for argument in arguments]
        values = tuple(scalar for h in held for scalar in _scalars(h[1]))
        if values:
            yield from ((path, values) for h in held for path in h[0] if path)


def _member(holds: _Known, name: str) -> _Known:
    paths = frozenset(".".join((*p.split(".")[-1:], name)).strip(".") for p in holds[0])
    rows = (
        value[name] for value in holds[1] if isinstance(value, dict) and name in value
    )
    return paths, tuple(rows)


def _items(values: tuple[Any, ...]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            yield from value


def _scalars(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple | set | frozenset):
            yield from _scalars(value)
        elif not isinstance(value, dict):
            yield value
