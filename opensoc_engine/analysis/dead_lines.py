"""Lines that decide nothing: they always hold, never hold, or ignore the input.

Only what types and constants prove is reported. A helper is checked for each tuple of
argument types, so a line of it counts only if all of them say the same.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opensoc_engine import types as t
from opensoc_engine.analysis.operators import MIRRORED
from opensoc_engine.analysis.scope import path_of
from opensoc_engine.analysis.walk import (
    COMPREHENSIONS,
    bodies_in,
    nested_bodies,
    outer_parts,
)
from opensoc_engine.builtins import BUILTINS
from opensoc_engine.diagnostics import diagnose
from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.printer import print_expression, print_statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.analysis.scope import Facts
    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.source import Span

# `count(x) operator number` for numbers that no count reaches.
_BELOW = {"<": False, "<=": False, "==": False, ">": True, ">=": True, "!=": True}
_REFLEXIVE = {"==": True, "<=": True, ">=": True, "!=": False, "<": False, ">": False}
_TEXT_TESTS = frozenset(("contains", "startswith", "endswith"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about a line: its code, and why."""

    code: str
    reason: str


def dead_lines(programs: Sequence[CheckedProgram]) -> Iterator[Diagnostic]:
    """A warning for each line that decides nothing in any of the programs."""
    collected = _Lines()
    for checked in programs:
        for _, bodies in checked.rules:
            for item in bodies:
                collected.add(item.body, item.facts)
        for instance in checked.instances:
            helper = checked.program.helpers[instance.helper]
            for body, facts in zip(helper.bodies, instance.facts, strict=True):
                collected.add(body, facts)
                for inner in bodies_in(helper.head.value) if helper.head.value else ():
                    collected.add(inner, facts)
    yield from collected.warnings()


@dataclass(slots=True)
class _Lines:
    """What each place was found to be, once for each time that it was checked."""

    found: dict[Span, list[Verdict | None]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, unit: n.Body, facts: Facts) -> None:
        """Judge every line of a body and of the bodies in it."""
        for body in nested_bodies(unit):
            earlier: dict[str, None] = {}
            for statement in body.statements:
                verdict = _repeated(statement, earlier) or _verdict(statement, facts)
                self.found[statement.span].append(verdict)
                earlier[print_statement(statement)] = None

    def warnings(self) -> Iterator[Diagnostic]:
        """A warning for each place where every check said the same."""
        for span, verdicts in self.found.items():
            first = verdicts[0]
            if first is not None and {v and v.code for v in verdicts} == {first.code}:
                yield diagnose(first.code, span, reason=first.reason)


def _repeated(statement: n.Statement, earlier: dict[str, None]) -> Verdict | None:
    text = print_statement(statement)
    if text in earlier:
        return Verdict("W101", "an earlier line says the same")
    match statement:
        case n.Not(expression):
            opposite = print_expression(expression)
        case n.Condition():
            opposite = f"not {text}"
        case _:
            return None
    if opposite in earlier:
        return Verdict("W102", "an earlier line says the opposite")
    return None


def _verdict(statement: n.Statement, facts: Facts) -> Verdict | None:
    match statement:
        case n.Some(_, _, n.ArrayLiteral(()) | n.SetLiteral(())):
            return Verdict("W102", "there is nothing to choose from")
        case n.Condition(expression) | n.Not(expression):
            if _is_constant(expression):
                return Verdict("W103", "it reads nothing of the input")
            found = _truth(expression, facts)
        case _:
            return None
    if found is None and isinstance(statement, n.Condition):
        found = _presence(expression, facts)
    if found is None:
        return None
    holds, reason = found
    holds = holds is not isinstance(statement, n.Not)
    return Verdict("W101" if holds else "W102", reason)


_Truth = tuple[bool, str]


def _presence(expression: n.Expression, facts: Facts) -> _Truth | None:
    """A guard of something that is always there."""
    path = path_of(expression)
    if path is None or not path.steps or not _is_total(expression, facts):
        return None
    if isinstance(facts.type_of(expression), t.Boolean):
        return None
    return True, f"`{path}` is always there"


def _truth(expression: n.Expression, facts: Facts) -> _Truth | None:
    """What an expression always is, and why; true only if it always has a value."""
    found = None
    match expression:
        case n.Binary("in", left, n.SetLiteral(items) | n.ArrayLiteral(items)):
            found = _membership(left, items, facts)
        case n.Binary(operator) if operator in _REFLEXIVE:
            found = _comparison(expression, facts)
        case n.Call(name, (_, n.Literal(""))) if name in _TEXT_TESTS:
            found = (True, "every string has the empty one in it")
    if found is None or (found[0] and not _is_total(expression, facts)):
        return None
    return found


def _membership(
    left: n.Expression, items: tuple[n.Expression, ...], facts: Facts
) -> _Truth | None:
    if not items:
        return False, "nothing is in an empty collection"
    kind = facts.type_of(left)
    listed = {item.value for item in items if isinstance(item, n.Literal)}
    if isinstance(kind, t.Enum) and listed.issuperset(kind.values):
        return True, f"{_shown(left)} is {_alternatives(kind)} here"
    return None


def _comparison(node: n.Binary, facts: Facts) -> _Truth | None:
    if print_expression(node.left) == print_expression(node.right):
        return _REFLEXIVE[node.operator], "both sides are the same"
    for operator, side, other in (
        (node.operator, node.left, node.right),
        (MIRRORED[node.operator], node.right, node.left),
    ):
        if isinstance(other, n.Literal | n.Negative):
            found = _against(operator, side, other, facts)
            if found is not None:
                return found
    return None


def _against(
    operator: str, side: n.Expression, constant: n.Expression, facts: Facts
) -> _Truth | None:
    """`side operator constant`."""
    kind = facts.type_of(side)
    if isinstance(kind, t.Enum) and isinstance(constant, n.Literal):
        if kind.values == (constant.value,):
            return operator == "==", f"{_shown(side)} is {_alternatives(kind)} here"
        return None
    counted = isinstance(side, n.Call) and side.name == "count"
    if counted and _no_count_reaches(operator, constant):
        return _BELOW[operator], "a count is never negative"
    return None


def _no_count_reaches(operator: str, constant: n.Expression) -> bool:
    if isinstance(constant, n.Negative):
        operand = constant.operand
        return isinstance(operand, n.Literal) and operand.value != 0
    return (
        operator in ("<", ">=")
        and isinstance(constant, n.Literal)
        and constant.value == 0
    )


def _is_total(expression: n.Expression, facts: Facts) -> bool:
    """True if the expression has a value whatever the input is."""
    return not any(facts.is_partial(part) for part in outer_parts(expression))


def _is_constant(expression: n.Expression) -> bool:
    """True if no variable, helper or field of the input is read."""
    return all(map(_is_constant_part, outer_parts(expression)))


def _is_constant_part(part: n.Expression) -> bool:
    match part:
        case n.Name(text):
            return text == "data"
        case n.Call(name):
            return name in BUILTINS
        case _:
            return not isinstance(part, COMPREHENSIONS)


def _shown(expression: n.Expression) -> str:
    return f"`{print_expression(expression)}`"


def _alternatives(kind: t.Enum) -> str:
    return "always " + " or ".join(f"`{value}`" for value in kind.values)
