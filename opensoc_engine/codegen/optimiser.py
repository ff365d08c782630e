"""Helpers become special to their constants, callees before callers.

What comes out has the same solutions in the same order. Everything that could grow
without bounds has a limit, at which a helper simply stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.keys import Keys
from opensoc_engine.codegen.simplifier import NEVER, Simplifier

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SPECIAL = 600
MAX_CHAIN = 12


@dataclass(slots=True)
class Optimiser:
    """Rewritten helpers by name, in an order in which callees come first."""

    source: Mapping[str, ir.Function]
    keys: Keys = field(default_factory=Keys)
    functions: dict[str, ir.Function] = field(default_factory=dict)
    _special: dict[object, str] = field(default_factory=dict)
    _depth: int = 0

    def add(self, function: ir.Function) -> None:
        """Rewrite a helper as it stands, for calls without constants."""
        self._write(function.name, function, {})

    def special(self, name: str, known_as: Mapping[int, ir.Expression]) -> str:
        """The name of a helper with something known about its arguments.

        Constants are no arguments any more; calls of a builtin with the argument are
        made by the helper where it needs them.
        """
        if not known_as or self._depth > MAX_CHAIN:
            return name
        known = tuple((at, self.keys.of(node)) for at, node in known_as.items())
        key = (name, known)
        if key not in self._special:
            if len(self._special) >= MAX_SPECIAL:
                return name
            self._special[key] = special = f"{name}_k{len(self._special)}"
            self._write(special, self.source[name], known_as)
        return self._special[key]

    def _write(
        self, name: str, function: ir.Function, known_as: Mapping[int, ir.Expression]
    ) -> None:
        self._depth += 1
        constants = {at for at, n in known_as.items() if isinstance(n, ir.Constant)}
        kept = [p for at, p in enumerate(function.parameters) if at not in constants]
        values = {
            function.parameters[at]: _of_argument(node, function.parameters[at])
            for at, node in known_as.items()
        }
        bodies, results = [], []
        heads = function.results or (None,) * len(function.bodies)
        for body, head in zip(function.bodies, heads, strict=True):
            rewriter = Simplifier(self, body, values, () if head is None else (head,))
            steps = rewriter.steps(body, inline=True)
            if steps is None and function.kind != "value":
                continue
            bodies.append(NEVER if steps is None else ir.Block(tuple(steps)))
            results += [] if head is None else [rewriter.expression(head)]
        self.functions[name] = replace(
            function,
            name=name,
            parameters=tuple(kept),
            bodies=tuple(bodies),
            results=tuple(results),
        )
        self._depth -= 1

    def rule(self, body: ir.RuleBody) -> ir.RuleBody | None:
        """A body of a rule, rewritten; None if it can't be fulfilled."""
        tail = (*body.evidence, *([] if body.value is None else [body.value]))
        rewriter = Simplifier(self, body.block, {}, tail)
        steps = rewriter.steps(body.block, inline=True)
        if steps is None:
            return None
        value = None if body.value is None else rewriter.expression(body.value)
        evidence = rewriter.all(body.evidence)
        return ir.RuleBody(ir.Block(tuple(steps)), evidence, value)


def _of_argument(node: ir.Expression, parameter: str) -> ir.Expression:
    """What stands for a parameter: a constant, or a call with the argument."""
    if isinstance(node, ir.BuiltinCall):
        return replace(node, arguments=(ir.Variable(parameter),))
    return node
