"""What the compiled policies compare with: the values that rules turn on.

A number yields itself and its neighbours, so that a threshold is met at, just under
and just over. Nothing here knows a rule, a list or a threshold by name.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine.ir_walk import inside
from opensoc_env.judge import default_judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine import PolicySet


@cache
def numbers() -> tuple[int, ...]:
    """Integers at, under and over each number in the policies, by size."""
    found = [v for v in _values() if isinstance(v, int | Decimal)]
    near = {int(v) + step for v in found for step in (-1, 0, 1)}
    near |= {int(v * per_cent // 100) for v in found for per_cent in (99, 101)}
    return tuple(sorted(value for value in near if value >= 0))


@cache
def texts() -> tuple[str, ...]:
    """Texts that the policies and their lists compare with, in order."""
    found = {v for v in _values() if isinstance(v, str) and 0 < len(v) <= 128}
    return tuple(sorted(found)) or ("x",)


def _values() -> Iterator[Any]:
    judge = default_judge()
    for policy_set in (judge.verifier, judge.plausibility):
        for constant in _constants(policy_set):
            yield from _scalars(constant.value)


def _constants(policy_set: PolicySet) -> Iterator[ir.Constant]:
    for policy in policy_set.compiled:
        module = policy.program
        blocks = [body.block for rule in module.rules for body in rule.bodies]
        for function in module.functions:
            blocks += function.bodies
        parts = [part for block in blocks for part in inside(block)]
        parts += [p for function in module.functions for p in inside(function.results)]
        yield from (part for part in parts if isinstance(part, ir.Constant))


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (scalar for item in value.items() for scalar in _scalars(item))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (scalar for item in value for scalar in _scalars(item))
    elif not isinstance(value, bool):
        yield value
