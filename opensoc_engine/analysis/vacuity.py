"""`every` over something that may be empty: then it holds, and nothing was looked at.

A collection is known to have elements if a constant says so or an earlier line proves
it, directly or by calling a helper whose every body does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opensoc_engine.analysis.operators import MIRRORED
from opensoc_engine.analysis.scope import path_of
from opensoc_engine.analysis.walk import (
    bodies_in,
    inner_bodies,
    outer_parts,
    own_expressions,
)
from opensoc_engine.diagnostics import diagnose
from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.printer import print_expression

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opensoc_engine.analysis.program import Helper, Program
    from opensoc_engine.diagnostics import Diagnostic


def vacuous_every(program: Program, values: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """A warning for each `every` that may hold because there is nothing to look at."""
    proof = _Proof(program, values)
    for rule in program.rules:
        for body in rule.bodies:
            yield from proof.warnings(body, ())
    for helper in program.helpers.values():
        value = helper.head.value
        for body in helper.bodies:
            yield from proof.warnings(body, ())
            for inner in bodies_in(value) if value else ():
                yield from proof.warnings(inner, body.statements)


@dataclass(frozen=True, slots=True)
class _Proof:
    """Asks whether lines prove that a collection has elements.

    Attributes:
        known: The answers about helpers, by name and parameter: a helper that many
            others call is looked at once.
    """

    program: Program
    values: Mapping[str, Any]
    known: dict[tuple[str, str], bool] = field(default_factory=dict)

    def warnings(
        self, body: n.Body, outer: Sequence[n.Statement]
    ) -> Iterator[Diagnostic]:
        """Warnings of a body, given the lines that hold where it stands."""
        before = list(outer)
        for statement in body.statements:
            if isinstance(statement, n.Every):
                yield from self._warning(statement, before)
            for inner in inner_bodies(statement):
                yield from self.warnings(inner, before)
            before.append(statement)

    def _warning(
        self, every: n.Every, before: Sequence[n.Statement]
    ) -> Iterator[Diagnostic]:
        collection = every.collection
        if self._is_filled(collection, before):
            return
        text = print_expression(collection)
        advice = f"write `count({text}) > 0` on an earlier line if none must not pass"
        yield diagnose("W106", collection.span, help=advice, name=text)

    def _is_filled(
        self, collection: n.Expression, before: Sequence[n.Statement]
    ) -> bool:
        if isinstance(collection, n.ArrayLiteral | n.SetLiteral | n.ObjectLiteral):
            return bool(collection.items)
        constant = self._constant(collection)
        if constant is not None:
            return bool(constant)
        text = print_expression(collection)
        return any(self._fills(line, text) for line in before)

    def _fills(self, statement: n.Statement, text: str) -> bool:
        """True if the line holds only if the collection has elements."""
        match statement:
            case n.Some(_, _, source) if print_expression(source) == text:
                return True
            case n.Assign(name, n.ArrayLiteral(items) | n.SetLiteral(items)):
                if name.text == text and items:
                    return True
            case n.Condition(n.Call() as call):
                if self._helper_fills(call, text):
                    return True
            case n.Condition(n.Binary() as test):
                if self._test_fills(test, text):
                    return True
            case n.Not(n.Binary("==", left, n.Literal(value))):
                return value == 0 and print_expression(left) == f"count({text})"
            case n.Not() | n.Every():
                return False
        return any(_reads_element(part, text) for part in own_expressions(statement))

    def _test_fills(self, test: n.Binary, text: str) -> bool:
        if test.operator == "in":
            return print_expression(test.right) == text
        for operator, side, other in (
            (test.operator, test.left, test.right),
            (MIRRORED.get(test.operator, ""), test.right, test.left),
        ):
            if print_expression(side) == f"count({text})":
                return _is_positive(operator, self._constant(other))
        return False

    def _helper_fills(self, call: n.Call, text: str) -> bool:
        helper = self.program.helpers.get(call.name)
        if helper is None or helper.head.value is not None:
            return False
        parameters = [name.text for name in helper.head.parameters or ()]
        given = [print_expression(argument) for argument in call.arguments]
        return any(
            argument == text and self._parameter_filled(helper, parameter)
            for parameter, argument in zip(parameters, given, strict=True)
        )

    def _parameter_filled(self, helper: Helper, name: str) -> bool:
        """True if a helper holds only if what it is given has elements."""
        key = (helper.name, name)
        if key not in self.known:
            filled = all(self._body_fills(body, name) for body in helper.bodies)
            self.known[key] = filled
        return self.known[key]

    def _body_fills(self, body: n.Body, name: str) -> bool:
        return any(self._fills(line, name) for line in body.statements)

    def _constant(self, expression: n.Expression) -> Any:
        """The value of a constant or of a part of a list; None if it is neither."""
        if isinstance(expression, n.Literal):
            return expression.value
        path = path_of(expression)
        if path is None or path.root != "data":
            return None
        value: Any = self.values
        for step in path.steps:
            value = value.get(step) if hasattr(value, "get") else None
        return value


def _reads_element(expression: n.Expression, text: str) -> bool:
    return any(
        isinstance(part, n.Index) and print_expression(part.base) == text
        for part in outer_parts(expression)
    )


def _is_positive(operator: str, bound: Any) -> bool:
    """True if `count operator bound` holds for no empty collection."""
    if isinstance(bound, bool) or not isinstance(bound, int | Decimal):
        return False
    match operator:
        case ">":
            return bound >= 0
        case ">=" | "==":
            return bound > 0
        case "!=":
            return bound == 0
    return False
