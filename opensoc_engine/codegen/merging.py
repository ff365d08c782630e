"""The modules of several policies become one program, in which helpers are shared.

Two helpers are the same if their bodies are, whatever their variables are called.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.rewriting import Rewriter, calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opensoc_engine.codegen.keys import Key, Keys


@dataclass(frozen=True, slots=True)
class RuleOf:
    """A rule and the policy that it belongs to."""

    policy: str
    rule: ir.Rule


@dataclass(slots=True)
class Merger:
    """Collects helpers and rules of modules."""

    keys: Keys
    functions: dict[str, ir.Function] = field(default_factory=dict)
    rules: list[RuleOf] = field(default_factory=list)
    _known: dict[Key, str] = field(default_factory=dict)

    def add(self, policy: str, module: ir.Module) -> None:
        """Take a module in; its helpers stand before their callers."""
        names: dict[str, str] = {}
        rename = _Renamed(names)
        for function in module.functions:
            names[function.name] = self._shared(rename.function(function))
        for rule in module.rules:
            bodies = tuple(map(rename.rule_body, rule.bodies))
            self.rules.append(RuleOf(policy, replace(rule, bodies=bodies)))

    def _shared(self, function: ir.Function) -> str:
        """The name of a helper, or of the one that says the same."""
        parts = tuple(
            self.keys.of((body, result), function.parameters)
            for body, result in zip(
                function.bodies,
                function.results or (ir.Input(),) * len(function.bodies),
                strict=True,
            )
        )
        key = (function.kind, function.partial, len(function.parameters), parts)
        if key not in self._known:
            # No helper of a policy begins with a digit.
            name = f"{len(self.functions)}_{function.name}"
            self._known[key] = name
            self.functions[name] = replace(function, name=name)
        return self._known[key]


class _Renamed(Rewriter):
    """Calls helpers by their names in the program."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def rule_body(self, body: ir.RuleBody) -> ir.RuleBody:
        """The body of a rule with its calls renamed."""
        value = None if body.value is None else self.expression(body.value)
        return ir.RuleBody(self.block(body.block), self.all(body.evidence), value)

    def partial(self, node: ir.Partial) -> ir.Partial:
        found = super().partial(node)
        if isinstance(found, ir.PartialHelper):
            return replace(found, function=self._names[found.function])
        return found

    def expression(self, node: ir.Expression) -> ir.Expression:
        found = super().expression(node)
        if isinstance(found, ir.HelperCall):
            return replace(found, function=self._names[found.function])
        return found


def reachable(
    nodes: Iterable[object], functions: Mapping[str, ir.Function]
) -> dict[str, ir.Function]:
    """The helpers that some nodes call, and those that they call in turn, in order."""
    found: set[str] = set()
    left = list(calls(*nodes))
    while left:
        name = left.pop()
        if name not in found and name in functions:
            found.add(name)
            left += calls(functions[name].bodies, functions[name].results)
    return {name: item for name, item in functions.items() if name in found}
