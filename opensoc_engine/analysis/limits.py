"""A bound on how deep a program is, which is checked before its types.

Passes walk bodies by recursion, and go on into the helpers that are called. So what
counts is how deep a rule is with its helpers written out, not how deep each text is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opensoc_engine.analysis.resolver import parts
from opensoc_engine.analysis.walk import (
    COMPREHENSIONS,
    called_names,
    heads,
    helper_parts,
    own_expressions,
)
from opensoc_engine.diagnostics import diagnose
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.analysis.program import Helper, Program
    from opensoc_engine.diagnostics import DiagnosticCollector

MAX_NESTING = 120
"""Nodes inside one another, helpers written out (40). Python's stack has 1,000 frames,
and a pass takes at most 5 for a node."""


def check_nesting(program: Program, collector: DiagnosticCollector) -> bool:
    """True if no body is too deep with its helpers written out. None calls itself."""
    meter = _Meter(program.helpers)
    for helper in _callees_first(program.helpers):
        meter.heights[helper.name] = meter.helper(helper)
    deepest = [
        (meter.body(body), body) for rule in program.rules for body in rule.bodies
    ]
    for height, body in deepest:
        if height > MAX_NESTING:
            problem = f"{height} levels with helpers written out, more than"
            advice = "let helpers call fewer helpers, or bind parts by `:=`"
            found = diagnose(
                "E701", body.span, help=advice, problem=f"{problem} {MAX_NESTING}"
            )
            collector.add(found)
    return all(height <= MAX_NESTING for height, _ in deepest)


def _callees_first(helpers: dict[str, Helper]) -> Iterator[Helper]:
    """Every helper, after those that it calls; without recursion."""
    calls = {
        name: called_names(helper_parts(helper)) & helpers.keys()
        for name, helper in helpers.items()
    }
    while calls:
        ready = sorted(name for name, called in calls.items() if not called)
        for name in ready:
            del calls[name]
            yield helpers[name]
        for called in calls.values():
            called.difference_update(ready)


@dataclass(slots=True)
class _Meter:
    """Measures trees; `heights` has the helpers that they call."""

    helpers: dict[str, Helper]
    heights: dict[str, int] = field(default_factory=dict)

    def helper(self, helper: Helper) -> int:
        """How deep a call of the helper leads."""
        results = (helper.head.value, helper.head.member)
        heights = [self.expression(part) for part in results if part is not None]
        return 2 + max([*heights, *map(self.body, helper.bodies)])

    def body(self, body: n.Body) -> int:
        """The height of a body."""
        return 1 + max((self._statement(line) for line in body.statements), default=0)

    def _statement(self, statement: n.Statement) -> int:
        heights = [self.expression(part) for part in own_expressions(statement)]
        if isinstance(statement, n.Every):
            heights.append(self.body(statement.body))
        return 1 + max(heights)

    def expression(self, node: n.Expression) -> int:
        """The height of an expression."""
        if isinstance(node, COMPREHENSIONS):
            heights = [*map(self.expression, heads(node)), self.body(node.body)]
        else:
            heights = [self.expression(part) for part in parts(node)]
        if isinstance(node, n.Name | n.Call):
            name = node.text if isinstance(node, n.Name) else node.name
            heights.append(self.heights.get(name, 0))
        return 1 + max(heights, default=0)
