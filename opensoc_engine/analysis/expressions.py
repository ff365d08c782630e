"""Types of expressions: one method a kind of node, all reached from `check`.

A method gives None if it reported an error, so that one mistake gives one message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from opensoc_engine import types as t
from opensoc_engine.analysis.builtin_calls import BuiltinCalls
from opensoc_engine.analysis.fields import FieldReader
from opensoc_engine.analysis.operators import (
    OperatorError,
    apply,
    foreign_constant,
)
from opensoc_engine.analysis.scope import Path, Scope, Strictness, path_of
from opensoc_engine.diagnostics import diagnose
from opensoc_engine.rego import nodes as n
from opensoc_engine.schema_types import value_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.analysis.budget import Budget
    from opensoc_engine.analysis.program import Helper
    from opensoc_engine.analysis.scope import Environment, Facts, Instance
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.source import Span


class Bodies(Protocol):
    """What expressions need of the checker of bodies."""

    @property
    def budget(self) -> Budget:
        """What the program may still ask for."""

    def check_lines(self, body: n.Body, scope: Scope) -> None:
        """Check the lines of a comprehension."""

    def instance(
        self, helper: Helper, arguments: tuple[t.Type, ...], strictness: Strictness
    ) -> Instance:
        """The helper, checked for these types of arguments."""


@dataclass(slots=True)
class Expressions:
    """Checks the expressions of one body.

    Attributes:
        reads: Paths of optional fields that the current line reads, so that they are
            there once the line holds.
        conditions: Identities of the expressions that are a line, or negated on one.
    """

    environment: Environment
    helpers: Mapping[str, Helper]
    bodies: Bodies
    facts: Facts
    collector: DiagnosticCollector
    reads: list[Path] = field(default_factory=list)
    conditions: set[int] = field(default_factory=set)
    fields: FieldReader = field(init=False)
    builtins: BuiltinCalls = field(init=False)

    def __post_init__(self) -> None:
        self.fields = FieldReader(self.environment, self.collector)
        self.builtins = BuiltinCalls(self.fields, self.collector)

    def check(self, expression: n.Expression, scope: Scope) -> t.Type | None:
        """The type of an expression, which is also kept as a fact."""
        kind = self._dispatch(expression, scope)
        self.bodies.budget.checked(kind, expression.span)
        if kind is not None:
            self.facts.set_type(expression, kind)
        return kind

    def _dispatch(self, expression: n.Expression, scope: Scope) -> t.Type | None:
        match expression:
            case n.Literal(value):
                return _literal_type(value)
            case n.Name():
                return self._name(expression, scope)
            case n.Field():
                return self._field(expression, scope)
            case n.Index():
                return self._index(expression, scope)
            case n.Call():
                return self._call(expression, scope)
            case n.Negative():
                return self._negative(expression, scope)
            case n.Binary():
                return self._binary(expression, scope)
            case n.ArrayLiteral(items) | n.SetLiteral(items):
                return self._items(expression, items, scope)
            case n.ObjectLiteral():
                return self._object(expression, scope)
            case _:
                return self._comprehension(expression, scope)

    def refuse(
        self,
        code: str,
        span: Span,
        help: str | None = None,  # noqa: A002 - the word of messages
        **words: object,
    ) -> t.Type | None:
        """Report an error; the result, None, stands for the missing type."""
        message = diagnose(code, span, help=help, **words)  # type: ignore[arg-type] # words of the template
        self.collector.add(message)
        return None

    def _absent(self, node: n.Expression, name: str, span: Span, scope: Scope) -> None:
        """Note that a computed value may be missing."""
        self.facts.set_partial(node)
        if scope.strictness is Strictness.EVERYTHING:
            advice = f"bind it on an earlier line: `x := {name}`"
            self.refuse("E403", span, advice, name=name)

    def _name(self, name: n.Name, scope: Scope) -> t.Type | None:
        if name.text in ("input", "data"):
            problem = f"`{name.text}` itself is not a value"
            return self.refuse(
                "E406", name.span, f"name a part: `{name.text}.x`", problem=problem
            )
        if name.text in scope.types:
            return scope.types[name.text]
        helper = self.helpers.get(name.text)
        if helper is None:  # the resolver has reported the name
            return None
        if helper.head.parameters is not None:
            problem = f"`{name.text}` is a function"
            return self.refuse("E406", name.span, "call it", problem=problem)
        return self._instance(name, helper, (), name.span, scope)

    def _instance(
        self,
        node: n.Name | n.Call,
        helper: Helper,
        arguments: tuple[t.Type, ...],
        span: Span,
        scope: Scope,
    ) -> t.Type | None:
        self.bodies.budget.looked_up(arguments, span)
        instance = self.bodies.instance(helper, arguments, scope.strictness)
        self.facts.set_instance(node, instance)
        if instance.partial:
            self._absent(node, helper.name, span, scope)
        return instance.result

    def _base(self, base: n.Expression, scope: Scope) -> t.Type | None:
        """The type of what a field is read from; `input` and `data` may stand here."""
        if isinstance(base, n.Name) and base.text in ("input", "data"):
            kind = scope.types[base.text]
            assert kind is not None
            self.facts.set_type(base, kind)
            return kind
        return self.check(base, scope)

    def _field(self, node: n.Field, scope: Scope) -> t.Type | None:
        base = self._base(node.base, scope)
        if base is None:
            return None
        if not isinstance(base, t.Map):
            self.bodies.budget.looked_up((base,), node.span)
        found = self.fields.read(base, node)
        if found is None:
            return None
        if not found.required:
            self.facts.set_partial(node)
            self._optional(node, scope)
        return found.type

    def _optional(self, node: n.Field, scope: Scope) -> None:
        path = path_of(node)
        if path is not None:
            self.reads.append(path)
        if scope.strictness >= Strictness.FIELDS:
            shown = str(path) if path else node.name
            advice = (
                f"write `{shown}` alone on an earlier line if it must be there, or "
                f'read it by `object.get(..., "{node.name}", default)`'
            )
            self.refuse("E403", node.name_span, advice, name=shown)

    def _index(self, node: n.Index, scope: Scope) -> t.Type | None:
        base = self._base(node.base, scope)
        index = self.check(node.index, scope)
        if base is None or index is None:
            return None
        match base:
            case t.Array(element) if isinstance(index, t.Number):
                self._absent(node, node.span.text, node.span, scope)
                return element
            case t.Map(_, value) if t.is_string(index):
                self._absent(node, node.span.text, node.span, scope)
                return value
            case t.Object() if t.is_string(index):
                return self._lookup(node, base, index, scope)
        problem = f"{t.describe(base)} can't be read at a {t.describe(index)}"
        return self.refuse("E401", node.span, problem=problem)

    def _lookup(
        self, node: n.Index, base: t.Object, index: t.Type, scope: Scope
    ) -> t.Type | None:
        self.bodies.budget.looked_up((base,), node.span)
        value = self.fields.values(base, node.span)
        if value is None:
            return None
        present = {item.name for item in base.fields if item.required}
        if not isinstance(index, t.Enum) or not present.issuperset(index.values):
            self._absent(node, node.span.text, node.span, scope)
        return value

    def _negative(self, node: n.Negative, scope: Scope) -> t.Type | None:
        kind = self.check(node.operand, scope)
        if kind is None or isinstance(kind, t.Number):
            return kind
        problem = f"`-` needs a number, not {t.describe(kind)}"
        return self.refuse("E401", node.span, problem=problem)

    def _binary(self, node: n.Binary, scope: Scope) -> t.Type | None:
        left, right = self.check(node.left, scope), self.check(node.right, scope)
        if left is None or right is None or not self._can_be_equal(node, left, right):
            return None
        try:
            kind = apply(node.operator, left, right)
        except OperatorError as error:
            return self.refuse(
                "E401", node.operator_span, error.help, problem=error.problem
            )
        if node.operator in "/%" and not _is_nonzero(node.right):
            self._absent(node, node.span.text, node.span, scope)
        return kind

    def _can_be_equal(self, node: n.Binary, left: t.Type, right: t.Type) -> bool:
        """Report a constant that an enumeration does not have."""
        found = foreign_constant(node, left, right)
        if found is None:
            return True
        span, word, kind = found
        advice, shown = self.collector.suggest(word, kind.values), t.describe(kind)
        self.refuse("E405", span, advice, value=word, type=shown)
        return False

    def _items(
        self,
        node: n.ArrayLiteral | n.SetLiteral,
        items: tuple[n.Expression, ...],
        scope: Scope,
    ) -> t.Type | None:
        kinds = [self.check(item, scope) for item in items]
        element = self._joined(kinds, node.span)
        if element is None:
            return None
        if isinstance(node, n.ArrayLiteral):
            return t.Array(element)
        return self._set(element, node.span)

    def _set(self, element: t.Type, span: Span) -> t.Type | None:
        if t.is_scalar(element):
            return t.Set(element)
        problem = f"a set holds strings, numbers or booleans, not {t.describe(element)}"
        return self.refuse("E401", span, "use an array: `[...]`", problem=problem)

    def _joined(self, kinds: list[t.Type | None], span: Span) -> t.Type | None:
        known = [kind for kind in kinds if kind is not None]
        if len(known) < len(kinds):
            return None
        self.bodies.budget.joined(known, span)
        joined = t.join_all(known)
        if isinstance(joined, tuple):
            left, right = map(t.describe, joined)
            problem = f"all values must have one type; this mixes {left} and {right}"
            return self.refuse("E401", span, problem=problem)
        return joined

    def _object(self, node: n.ObjectLiteral, scope: Scope) -> t.Type | None:
        keys = [self.check(key, scope) for key, _ in node.items]
        values = [self.check(value, scope) for _, value in node.items]
        if any(kind is None or not t.is_string(kind) for kind in keys):
            if None not in keys:
                problem = "keys of objects are strings"
                self.refuse("E401", node.span, problem=problem)
            return None
        names = [getattr(key, "value", None) for key, _ in node.items]
        if None not in names and len(set(names)) == len(names) and None not in values:
            fields = (
                t.Field(str(name), kind)
                for name, kind in zip(names, values, strict=True)
                if kind is not None
            )
            return t.Object("object", tuple(fields))
        value = self._joined(values, node.span)
        return None if value is None else t.Map(t.Text(), value)

    def _comprehension(
        self,
        node: n.ArrayComprehension | n.SetComprehension | n.ObjectComprehension,
        scope: Scope,
    ) -> t.Type | None:
        inner, outer_reads = scope.child(), self.reads
        self.reads = []
        self.bodies.check_lines(node.body, inner)
        kind = self._heads(node, inner)
        self.reads = outer_reads
        return kind

    def _heads(
        self,
        node: n.ArrayComprehension | n.SetComprehension | n.ObjectComprehension,
        scope: Scope,
    ) -> t.Type | None:
        match node:
            case n.ArrayComprehension(head):
                element = self.check(head, scope)
                return None if element is None else t.Array(element)
            case n.SetComprehension(head):
                element = self.check(head, scope)
                return None if element is None else self._set(element, node.span)
        key, value = self.check(node.key, scope), self.check(node.value, scope)
        if key is None or value is None:
            return None
        if not t.is_string(key):
            problem = "keys of objects are strings"
            return self.refuse("E401", node.key.span, problem=problem)
        return t.Map(key, value)

    def _call(self, call: n.Call, scope: Scope) -> t.Type | None:
        if call.name == "object.get":
            return self._object_get(call, scope)
        checked = self._arguments(call, scope)
        arguments = tuple(kind for kind in checked if kind is not None)
        if len(arguments) < len(checked):
            return None
        helper = self.helpers.get(call.name)
        if helper is None:
            return self._builtin(call, arguments, scope)
        return self._helper(call, helper, arguments, scope)

    def _arguments(self, call: n.Call, scope: Scope) -> list[t.Type | None]:
        """The types of arguments; `sprintf` takes an array of different types."""
        match call:
            case n.Call("sprintf", (template, n.ArrayLiteral() as values)):
                return [self.check(template, scope), self._shown(call, values, scope)]
        return [self.check(argument, scope) for argument in call.arguments]

    def _shown(
        self, call: n.Call, values: n.ArrayLiteral, scope: Scope
    ) -> t.Type | None:
        """The type of the values of a `sprintf` whose verbs they fit."""
        checked = [self.check(item, scope) for item in values.items]
        kinds = tuple(kind for kind in checked if kind is not None)
        if len(kinds) < len(checked):
            return None
        if not self.builtins.has_verbs(call, values, kinds):
            return None
        found = t.Array(t.Text() if kinds else t.Never())
        self.facts.set_type(values, found)
        return found

    def _helper(
        self, call: n.Call, helper: Helper, arguments: tuple[t.Type, ...], scope: Scope
    ) -> t.Type | None:
        parameters = helper.head.parameters
        if parameters is None:
            problem = f"`{call.name}` is a value, not a function"
            return self.refuse(
                "E406", call.name_span, "write it without brackets", problem=problem
            )
        if not self.builtins.has_count(call, {len(parameters)}):
            return None
        if helper.is_predicate and id(call) not in self.conditions:
            problem = f"`{call.name}` holds or not, and has no value if it does not"
            advice = "write it alone on a line, or after `not`"
            return self.refuse("E406", call.span, advice, problem=problem)
        return self._instance(call, helper, arguments, call.span, scope)

    def _builtin(
        self, call: n.Call, arguments: tuple[t.Type, ...], scope: Scope
    ) -> t.Type | None:
        known = self.builtins.check(call, arguments)
        if known is None:
            return None
        signature, result = known
        if signature.partial:
            self._absent(call, call.span.text, call.span, scope)
        return result

    def _object_get(self, call: n.Call, scope: Scope) -> t.Type | None:
        if not self.builtins.has_count(call, {3}):
            return None
        target, key, default = call.arguments
        base, other = self._base(target, scope), self.check(default, scope)
        if base is None or other is None:
            return None
        found = self._path_value(base, key, scope)
        if found is None:
            return None
        joined = t.join(found, other)
        if joined is None:
            problem = (
                f"the default is {t.describe(other)}, the value {t.describe(found)}"
            )
            return self.refuse("E401", default.span, problem=problem)
        return joined

    def _path_value(
        self, base: t.Type, key: n.Expression, scope: Scope
    ) -> t.Type | None:
        steps = key.items if isinstance(key, n.ArrayLiteral) else (key,)
        if not steps:
            problem = "the path of `object.get` is empty"
            advice = 'name at least one key: `object.get(x, ["key"], default)`'
            return self.refuse("E401", key.span, advice, problem=problem)
        kind: t.Type | None = base
        for step in steps:
            index = self.check(step, scope)
            if kind is None or index is None:
                return None
            self.bodies.budget.looked_up((kind,), step.span)
            kind = self.fields.step(kind, step, index)
        return kind


def _literal_type(value: bool | int | Decimal | str) -> t.Type:
    return t.Enum((value,)) if isinstance(value, str) else value_type(value)


def _is_nonzero(expression: n.Expression) -> bool:
    return (
        isinstance(expression, n.Literal)
        and isinstance(expression.value, int | Decimal)
        and expression.value != 0
    )
