"""Types, presence and trust of a program whose names are resolved.

Helpers are checked where they are called, once for each tuple of argument types. If
nothing is reported, the program can't fail at run time: `lower` may rely on the facts
that stand beside each body.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opensoc_engine import types as t
from opensoc_engine.analysis.budget import (
    MAX_INSTANCES,
    Budget,
    TooComplexError,
    too_complex,
)
from opensoc_engine.analysis.expressions import Expressions
from opensoc_engine.analysis.scope import (
    Facts,
    Instance,
    Scope,
    Strictness,
    path_of,
)
from opensoc_engine.diagnostics import DiagnosticCollector, diagnose
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from opensoc_engine.analysis.program import Helper, Program, ProgramRule
    from opensoc_engine.analysis.scope import Environment
    from opensoc_engine.policy.model import Name


@dataclass(frozen=True, slots=True)
class CheckedBody:
    """A body of a rule with what is known about its nodes, and its evidence."""

    body: n.Body
    facts: Facts
    evidence: tuple[tuple[str, t.Type], ...]


@dataclass(frozen=True, slots=True)
class CheckedProgram:
    """A program with the types of all its parts; callees stand before callers."""

    program: Program
    rules: tuple[tuple[ProgramRule, tuple[CheckedBody, ...]], ...]
    instances: tuple[Instance, ...]


def check(
    program: Program, environment: Environment, collector: DiagnosticCollector
) -> CheckedProgram:
    """The program with its types; everything that does not fit is reported."""
    checker = _Checker(program, environment, collector)
    checker.budget.allow(environment.document)
    try:
        rules = tuple(
            (rule, tuple(checker.rule_body(rule, body) for body in rule.bodies))
            for rule in program.rules
        )
    except TooComplexError as error:
        collector.add(error.diagnostic)
        rules = ()
    return CheckedProgram(program, rules, tuple(checker.instances.values()))


_Key = tuple[str, tuple[t.Type, ...], Strictness]


@dataclass(slots=True)
class _Checker:
    program: Program
    environment: Environment
    collector: DiagnosticCollector
    start: Scope = field(init=False)
    instances: dict[_Key, Instance] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        self.start = self.environment.scope()

    def rule_body(self, rule: ProgramRule, body: n.Body) -> CheckedBody:
        """Check one body of a rule, its evidence and its value."""
        lines, scope = self.lines(), self.start.child()
        lines.check_lines(body, scope)
        if isinstance(rule.value, n.Expression):
            inner = scope.child(Strictness.EVERYTHING)
            kind = lines.expressions.check(rule.value, inner)
            if kind is not None and not isinstance(kind, t.Number):
                problem = f"`value` is a number, not {t.describe(kind)}"
                self.collector.add(diagnose("E401", rule.value.span, problem=problem))
        evidence = tuple(
            (name.text, kind)
            for name in rule.rule.evidence
            if (kind := self._evidence(name, body, scope)) is not None
        )
        return CheckedBody(body, lines.expressions.facts, evidence)

    def lines(self) -> _Lines:
        """A checker of one body."""
        return _Lines(self)

    def _evidence(self, name: Name, body: n.Body, scope: Scope) -> t.Type | None:
        kind = scope.types.get(name.text)
        if name.text not in _bound(body):
            advice = "bind it by `some` or `:=` on a line of its own in every body"
        elif kind is None or identity_of(kind) is not None:
            return kind
        else:
            advice = f"it is {t.describe(kind)}; evidence is events or arrays of them"
        self.collector.add(diagnose("E605", name.span, name=name.text, help=advice))
        return None

    def instance(
        self, helper: Helper, arguments: tuple[t.Type, ...], strictness: Strictness
    ) -> Instance:
        """The helper, checked once for these types and this strictness."""
        key = (helper.name, arguments, strictness)
        if key not in self.instances:
            if len(self.instances) == MAX_INSTANCES:
                problem = f"helpers are called with more than {MAX_INSTANCES:,} tuples"
                advice = "call them with fewer kinds of values, or split the policy"
                span = helper.head.span
                raise too_complex(span, f"{problem} of types", advice)
            made = self._instance(helper, arguments, strictness)
            self.instances[key] = made
        return self.instances[key]

    def _instance(
        self, helper: Helper, arguments: tuple[t.Type, ...], strictness: Strictness
    ) -> Instance:
        head, results, facts = helper.head, [], []
        for body in helper.bodies:
            lines, scope = self.lines(), self.start.child(strictness)
            names = [parameter.text for parameter in head.parameters or ()]
            scope.types.update(zip(names, arguments, strict=True))
            lines.check_lines(body, scope)
            results.append(self._result(helper, body, lines, scope))
            facts.append(lines.expressions.facts)
        partial = head.value is not None and _may_fail(helper, facts[0])
        name = f"{helper.name}_{len(self.instances)}"
        result = self._joined(helper, results)
        return Instance(name, helper.name, result, partial, tuple(facts))

    def _joined(self, helper: Helper, results: list[t.Type | None]) -> t.Type | None:
        """The type of what all bodies of a helper give."""
        known = [kind for kind in results if kind is not None]
        if len(known) < len(results):  # a body has an error, which was reported
            return None
        joined = t.join_all(known)
        if isinstance(joined, tuple):
            left, right = map(t.describe, joined)
            problem = f"the bodies of `{helper.name}` give {left} and {right}"
            self.collector.add(diagnose("E401", helper.head.span, problem=problem))
            return None
        return joined

    def _result(
        self, helper: Helper, body: n.Body, lines: _Lines, scope: Scope
    ) -> t.Type | None:
        head = helper.head
        if head.value is not None:
            if any(isinstance(line, n.Some) for line in body.statements):
                problem = f"`{helper.name}` may have several values"
                advice = "a value has no `some` at its top level: use a comprehension"
                found = diagnose("E406", head.span, help=advice, problem=problem)
                self.collector.add(found)
            return lines.expressions.check(head.value, scope)
        if head.member is None:
            return t.Boolean()
        element = lines.expressions.check(head.member, scope)
        if element is None or t.is_scalar(element):
            return None if element is None else t.Set(element)
        problem = f"a set holds strings, numbers or booleans, not {t.describe(element)}"
        self.collector.add(diagnose("E401", head.member.span, problem=problem))
        return None


@dataclass(slots=True)
class _Lines:
    """Checks the lines of one body."""

    checker: _Checker
    expressions: Expressions = field(init=False)

    def __post_init__(self) -> None:
        checker = self.checker
        self.expressions = Expressions(
            checker.environment,
            checker.program.helpers,
            self,
            Facts(),
            checker.collector,
        )

    @property
    def budget(self) -> Budget:
        """What the program may still ask for."""
        return self.checker.budget

    def instance(
        self, helper: Helper, arguments: tuple[t.Type, ...], strictness: Strictness
    ) -> Instance:
        """The helper, checked for these types of arguments."""
        return self.checker.instance(helper, arguments, strictness)

    def check_lines(self, body: n.Body, scope: Scope) -> None:
        """Check lines in order; each adds what it proves to the scope."""
        for statement in body.statements:
            self.expressions.reads = []
            self._statement(statement, scope)
            for path in self.expressions.reads:
                scope.require(path)
        self.expressions.reads = []

    def _statement(self, statement: n.Statement, scope: Scope) -> None:
        match statement:
            case n.Some():
                self._bind_elements(statement, scope, scope)
            case n.Every():
                inner = scope.child(Strictness.EVERYTHING)
                self._bind_elements(statement, scope, inner)
                reads = self.expressions.reads
                self.check_lines(statement.body, inner)
                self.expressions.reads = reads
            case n.Assign(name, value):
                kind = self._value(value, scope)
                scope.bind(name.text, kind)
                if kind is not None:
                    self.expressions.facts.set_type(name, kind)
            case n.Not(expression):
                self._not(expression, scope)
                self.expressions.reads = []
            case n.Condition(expression):
                self._condition(expression, scope)

    def _value(self, value: n.Expression, scope: Scope) -> t.Type | None:
        return self.expressions.check(value, scope)

    def _bind_elements(
        self, statement: n.Some | n.Every, outer: Scope, scope: Scope
    ) -> None:
        collection = self.expressions.check(statement.collection, outer)
        key, element = self._elements(collection, statement.collection)
        scope.bind(statement.value.text, element)
        if element is not None:
            self.expressions.facts.set_type(statement.value, element)
        if statement.key is not None:
            scope.bind(statement.key.text, key)

    def _elements(
        self, kind: t.Type | None, node: n.Expression
    ) -> tuple[t.Type | None, t.Type | None]:
        match kind:
            case None:
                return None, None
            case t.Array(element):
                return t.Number(integer=True), element
            case t.Set(element):
                return element, element
            case t.Map(key, value):
                return key, value
            case t.Object(_, fields) if all(item.required for item in fields):
                # `values` refuses an object that may have further fields.
                names = t.Enum(tuple(sorted(item.name for item in fields)))
                return names, self.expressions.fields.values(kind, node.span)
        problem = f"{t.describe(kind)} has no elements"
        advice = "`some` and `every` walk over arrays, sets and objects of a list"
        self.expressions.refuse("E401", node.span, advice, problem=problem)
        return None, None

    def _not(self, expression: n.Expression, scope: Scope) -> None:
        quiet = self._reference_type(expression, scope)
        if quiet is not None and not isinstance(quiet, t.Boolean):
            if not self._is_optional(expression):
                problem = f"`{expression.span.text}` is always there"
                self.expressions.refuse("E406", expression.span, problem=problem)
            return
        self.expressions.conditions.add(id(expression))
        kind = self.expressions.check(expression, scope.child(Strictness.EVERYTHING))
        self._must_be_condition(kind, expression)

    def _reference_type(self, expression: n.Expression, scope: Scope) -> t.Type | None:
        """The type of a bare reference, read without asking for a guard."""
        path = path_of(expression)
        if path is None or not path.steps:
            return None
        free = Scope(dict(scope.types), Strictness.NOTHING_REFUSED)
        trial = Expressions(
            self.expressions.environment,
            self.expressions.helpers,
            self,
            self.expressions.facts,
            DiagnosticCollector(),
        )
        return trial.check(expression, free)

    def _is_optional(self, expression: n.Expression) -> bool:
        facts, step = self.expressions.facts, expression
        while isinstance(step, n.Field):
            if facts.is_partial(step):
                return True
            step = step.base
        return False

    def _condition(self, expression: n.Expression, scope: Scope) -> None:
        path = path_of(expression)
        if path is not None and path.steps:
            free = Scope(dict(scope.types), Strictness.NOTHING_REFUSED)
            self.expressions.check(expression, free)
            return
        self.expressions.conditions.add(id(expression))
        kind = self.expressions.check(expression, scope)
        if kind is None or self._must_be_condition(kind, expression):
            self._narrow(expression, scope)

    def _must_be_condition(self, kind: t.Type | None, node: n.Expression) -> bool:
        if kind is None or isinstance(kind, t.Boolean):
            return kind is not None
        problem = f"a line is a condition, not {t.describe(kind)}"
        advice = "compare it with something, or bind it by `name := ...`"
        self.expressions.refuse("E406", node.span, advice, problem=problem)
        return False

    def _narrow(self, expression: n.Expression, scope: Scope) -> None:
        """Keep what `path == "tag"` and `path in {"tag", ...}` prove, or are to prove.

        A line with an error counts too, so that one mistake gives one message.
        """
        if not isinstance(expression, n.Binary):
            return
        path, tags = path_of(expression.left), _tags(expression)
        if path is not None and tags:
            scope.narrow(path, tags)


def identity_of(kind: t.Type) -> str | None:
    """The field that names a value, or the elements of an array, in evidence."""
    match kind:
        case t.Array(element):
            return None if isinstance(element, t.Array) else identity_of(element)
        case t.Object():
            return kind.identity
        case t.Union(_, _, members):
            found = {member.identity for member in members}
            return found.pop() if len(found) == 1 else None
    return None


def _tags(expression: n.Binary) -> frozenset[str]:
    match expression.operator, expression.right:
        case ("==", n.Literal(str(value))):
            return frozenset({value})
        case ("in", n.SetLiteral(items) | n.ArrayLiteral(items)):
            values = [getattr(item, "value", None) for item in items]
            if all(isinstance(value, str) for value in values):
                return frozenset(str(value) for value in values)
    return frozenset()


def _bound(body: n.Body) -> set[str]:
    """The variables that the lines of a body bind at its top level."""
    bound: set[str] = set()
    for line in body.statements:
        if isinstance(line, n.Some):
            bound.update(name.text for name in (line.key, line.value) if name)
        elif isinstance(line, n.Assign):
            bound.add(line.name.text)
    return bound


def _may_fail(helper: Helper, facts: Facts) -> bool:
    """True if a value helper may have no value: a test, or something undefined."""
    lines = helper.bodies[0].statements
    return facts.has_partial or not all(isinstance(line, n.Assign) for line in lines)
