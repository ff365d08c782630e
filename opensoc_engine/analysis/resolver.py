"""Every name of a program leads somewhere, or is reported.

After it reports nothing, each name in a body is a variable bound on an earlier line,
`input`, `data` or a helper, each called name is a helper or a builtin, and helpers do
not call themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opensoc_engine.builtins import BUILTINS
from opensoc_engine.diagnostics import Label, diagnose
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opensoc_engine.analysis.program import Helper, Program
    from opensoc_engine.diagnostics import DiagnosticCollector

SPECIAL_FORMS = frozenset({"object.get"})
_ROOTS = frozenset({"input", "data"})


def resolve(program: Program, collector: DiagnosticCollector) -> bool:
    """Report every name of the program that does not lead anywhere.

    Returns:
        True if no helper calls itself, so that types can be checked.
    """
    calls: dict[str, frozenset[str]] = {}
    for helper in program.helpers.values():
        calls[helper.name] = _resolve_helper(helper, program, collector)
    for rule in program.rules:
        evidence = tuple(name.text for name in rule.rule.evidence)
        for body in rule.bodies:
            walk = _Walk(program.helpers, program.broken, collector)
            scope = walk.body(body, _Scope())
            if isinstance(rule.value, n.Expression):
                walk.expression(rule.value, scope)
            scope.use(evidence)
            walk.report_unused(scope)
    return not _report_recursion(program, calls, collector)


def _resolve_helper(
    helper: Helper, program: Program, collector: DiagnosticCollector
) -> frozenset[str]:
    walk = _Walk(program.helpers, program.broken, collector)
    for body in helper.bodies:
        scope = _Scope()
        for parameter in helper.head.parameters or ():
            walk.bind(parameter, scope)
        inner = walk.body(body, scope)
        for result in (helper.head.value, helper.head.member):
            if result is not None:
                walk.expression(result, inner)
        walk.report_unused(inner)
    return frozenset(walk.called)


def _report_recursion(
    program: Program,
    calls: dict[str, frozenset[str]],
    collector: DiagnosticCollector,
) -> bool:
    found = {name: cycle for name in calls if (cycle := _cycle(name, calls))}
    for name, cycle in found.items():
        span = program.helpers[name].head.name.span
        text = " -> ".join(cycle)
        collector.add(diagnose("E305", span, name=name, cycle=text))
    return bool(found)


def _cycle(start: str, calls: dict[str, frozenset[str]]) -> tuple[str, ...]:
    """The shortest way from a helper back to itself."""
    seen: set[str] = set()
    ways: list[tuple[str, ...]] = [(start,)]
    for way in ways:
        for called in sorted(calls.get(way[-1], ())):
            if called == start:
                return (*way, start)
            if called not in seen:
                seen.add(called)
                ways.append((*way, called))
    return ()


@dataclass(slots=True)
class _Scope:
    """Variables by name, with where they were bound; inner scopes see outer ones."""

    outer: _Scope | None = None
    bound: dict[str, n.Name] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def find(self, name: str) -> n.Name | None:
        """Where a variable was bound."""
        if name in self.bound:
            return self.bound[name]
        return self.outer.find(name) if self.outer else None

    def use(self, names: Iterable[str]) -> None:
        """Remember that variables were read."""
        for name in names:
            if name in self.bound:
                self.used.add(name)
            elif self.outer:
                self.outer.use((name,))

    def names(self) -> set[str]:
        """All variables that can be read here."""
        return set(self.bound) | (self.outer.names() if self.outer else set())


@dataclass(slots=True)
class _Walk:
    """Walks bodies in the order of their lines."""

    helpers: dict[str, Helper]
    broken: frozenset[str]
    collector: DiagnosticCollector
    called: set[str] = field(default_factory=set)

    def body(self, body: n.Body, scope: _Scope) -> _Scope:
        """Resolve the lines of a body, binding variables in `scope`."""
        for statement in body.statements:
            self.statement(statement, scope)
        return scope

    def statement(self, statement: n.Statement, scope: _Scope) -> None:
        """Resolve one line."""
        match statement:
            case n.Some(key, value, collection):
                self.expression(collection, scope)
                self._bind_both(key, value, scope)
            case n.Every(key, value, collection, body):
                self.expression(collection, scope)
                inner = _Scope(scope)
                self._bind_both(key, value, inner)
                self.report_unused(self.body(body, inner))
            case n.Assign(name, value):
                self.expression(value, scope)
                self.bind(name, scope)
            case n.Not(expression) | n.Condition(expression):
                self.expression(expression, scope)

    def _bind_both(self, key: n.Name | None, value: n.Name, scope: _Scope) -> None:
        if key is not None:
            self.bind(key, scope)
        self.bind(value, scope)

    def bind(self, name: n.Name, scope: _Scope) -> None:
        """Bind a variable, unless its name is taken."""
        first = scope.find(name.text)
        helper = self.helpers.get(name.text)
        if first is None and helper is not None:
            first = helper.head.name
        if first is not None or name.text in _ROOTS:
            others = (Label(first.span, "first bound here"),) if first else ()
            self.collector.add(
                diagnose("E304", name.span, name=name.text, others=others)
            )
        scope.bound.setdefault(name.text, name)

    def report_unused(self, scope: _Scope) -> None:
        """Report the variables of this scope that nothing reads."""
        for name, place in scope.bound.items():
            if name not in scope.used:
                self.collector.add(
                    diagnose(
                        "E307",
                        place.span,
                        name=name,
                        help="use it on a later line, or write the line without it",
                    )
                )

    def expression(self, expression: n.Expression, scope: _Scope) -> None:
        """Resolve the names in an expression."""
        match expression:
            case n.Name():
                self._name(expression, scope)
            case n.Call():
                self._call(expression, scope)
            case n.ArrayComprehension(head, body) | n.SetComprehension(head, body):
                self._comprehension((head,), body, scope)
            case n.ObjectComprehension(key, value, body):
                self._comprehension((key, value), body, scope)
            case _:
                for part in parts(expression):
                    self.expression(part, scope)

    def _comprehension(
        self, heads: tuple[n.Expression, ...], body: n.Body, scope: _Scope
    ) -> None:
        inner = self.body(body, _Scope(scope))
        for head in heads:
            self.expression(head, inner)
        self.report_unused(inner)

    def _name(self, name: n.Name, scope: _Scope) -> None:
        if scope.find(name.text) is not None:
            scope.use((name.text,))
        elif name.text in self.helpers:
            self.called.add(name.text)
        elif name.text not in _ROOTS and name.text not in self.broken:
            known = scope.names() | set(self.helpers) | _ROOTS
            self.collector.add(
                diagnose(
                    "E302",
                    name.span,
                    name=name.text,
                    help=self.collector.suggest(name.text, known)
                    or "bind it on an earlier line: `some x in xs` or `x := ...`",
                )
            )

    def _call(self, call: n.Call, scope: _Scope) -> None:
        for argument in call.arguments:
            self.expression(argument, scope)
        if call.name in self.helpers:
            self.called.add(call.name)
        elif call.name not in {*BUILTINS, *SPECIAL_FORMS, *self.broken}:
            known = set(BUILTINS) | SPECIAL_FORMS | set(self.helpers)
            self.collector.add(
                diagnose(
                    "E303",
                    call.name_span,
                    name=call.name,
                    help=self.collector.suggest(call.name, known),
                )
            )


def parts(expression: n.Expression) -> tuple[n.Expression, ...]:
    """The expressions that an expression, not a comprehension, is made of."""
    match expression:
        case n.Field(base):
            return (base,)
        case n.Index(base, index):
            return (base, index)
        case n.Call(_, arguments):
            return arguments
        case n.Negative(operand):
            return (operand,)
        case n.Binary(_, left, right):
            return (left, right)
        case n.ArrayLiteral(items) | n.SetLiteral(items):
            return items
        case n.ObjectLiteral(pairs):
            return tuple(part for pair in pairs for part in pair)
    return ()
