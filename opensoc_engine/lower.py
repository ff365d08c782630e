"""A checked program becomes IR: names made unique, absence made explicit.

It assumes that the checker reported nothing. What may be undefined in an expression is
taken out into a `Try` step before it, so that expressions always have a value. A step
has the place of its line, and an expression its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine import types as t
from opensoc_engine.analysis.checker import identity_of
from opensoc_engine.errors import InternalError
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.analysis.checker import CheckedBody, CheckedProgram
    from opensoc_engine.analysis.program import Helper, ProgramRule
    from opensoc_engine.analysis.scope import Facts, Instance
    from opensoc_engine.source import Span

_EXACT = {"+": "add", "-": "subtract", "*": "multiply"}
_SETS = {"-": "except", "&": "intersect", "|": "unite"}
_PLAIN: dict[str, ir.Operator] = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def lower(checked: CheckedProgram, lists: Mapping[str, Any]) -> ir.Module:
    """The program as IR, with the values of lists put in as constants."""
    helpers = checked.program.helpers
    functions = tuple(
        _function(instance, helpers[instance.helper], lists)
        for instance in checked.instances
    )
    rules = tuple(
        ir.Rule(
            rule.rule.id.text,
            tuple(_rule_body(rule, body, lists) for body in bodies),
        )
        for rule, bodies in checked.rules
    )
    return ir.Module(functions, rules)


def _rule_body(
    rule: ProgramRule, checked: CheckedBody, lists: Mapping[str, Any]
) -> ir.RuleBody:
    lowering = _Lowering(checked.facts, lists)
    steps = lowering.lines(checked.body)
    evidence = tuple(lowering.evidence(*found) for found in checked.evidence)
    value = lowering.rubric_value(rule.value, steps)
    return ir.RuleBody(ir.Block(tuple(steps)), evidence, value)


def _function(
    instance: Instance, helper: Helper, lists: Mapping[str, Any]
) -> ir.Function:
    head, blocks, results = helper.head, [], []
    parameters: tuple[str, ...] = ()
    for body, facts in zip(helper.bodies, instance.facts, strict=True):
        lowering = _Lowering(facts, lists)
        names = head.parameters or ()
        parameters = tuple(lowering.bind(name.text) for name in names)
        steps = lowering.lines(body)
        result = head.value or head.member
        if result is not None:
            results.append(lowering.result(result, steps))
        blocks.append(ir.Block(tuple(steps)))
    return ir.Function(
        instance.name,
        "value" if head.value else "set" if head.member else "predicate",
        parameters,
        tuple(blocks),
        tuple(results),
        instance.partial,
    )


@dataclass(slots=True)
class _Lowering:
    """Lowers one body.

    Attributes:
        names: What each variable is called in the IR.
        taken: All names that were given.
        last: The last number that a name was given.
    """

    facts: Facts
    lists: Mapping[str, Any]
    names: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    last: dict[str, int] = field(default_factory=dict)

    def bind(self, name: str) -> str:
        """What a variable of the policy is called from here on."""
        self.names[name] = self.fresh(name)
        return self.names[name]

    def fresh(self, name: str) -> str:
        """A name that no other variable of this body has."""
        number = self.last.get(name, 0) + 1
        unique = name if number == 1 else f"{name}_{number}"
        while unique in self.taken:
            number += 1
            unique = f"{name}_{number}"
        self.taken.add(unique)
        self.last[name] = number
        return unique

    def evidence(self, name: str, kind: t.Type) -> ir.Expression:
        """The log ids that a variable stands for."""
        identity = identity_of(kind)
        assert identity is not None
        variable = ir.Variable(self.names[name])
        if not isinstance(kind, t.Array):
            return ir.Member(variable, identity)
        item = self.fresh("evidence_item")
        block = ir.Block((ir.Each(None, item, variable, "array"),))
        return ir.Collect("array", block, None, ir.Member(ir.Variable(item), identity))

    def rubric_value(
        self, value: n.Expression | Decimal | int | None, steps: list[ir.Step]
    ) -> ir.Expression | None:
        """What a rule adds to the sum."""
        if value is None:
            return None
        if isinstance(value, int | Decimal):
            return ir.Constant(value)
        return self.result(value, steps)

    def result(self, node: n.Expression, steps: list[ir.Step]) -> ir.Expression:
        """A value, a member or the head of a comprehension, after the lines."""
        first = len(steps)
        found = self.expression(node, steps)
        _place(steps, first, node.span)
        return found

    def lines(self, body: n.Body) -> list[ir.Step]:
        """The steps of a body."""
        steps: list[ir.Step] = []
        for statement in body.statements:
            self._statement(statement, steps)
        return steps

    def _statement(self, statement: n.Statement, steps: list[ir.Step]) -> None:
        first = len(steps)
        self._line(statement, steps)
        _place(steps, first, statement.span)

    def _line(self, statement: n.Statement, steps: list[ir.Step]) -> None:
        match statement:
            case n.Some(key, value, collection):
                source, kind = self._collection(collection, steps)
                steps.append(ir.Each(*self._bound(key, value), source, kind))
            case n.Every(key, value, collection, body):
                source, kind = self._collection(collection, steps)
                outer = dict(self.names)
                bound = self._bound(key, value)
                block = ir.Block(tuple(self.lines(body)))
                self.names = outer
                steps.append(ir.ForAll(*bound, source, kind, block))
            case n.Assign(name, value):
                lowered = self.expression(value, steps)
                steps.append(ir.Bind(self.bind(name.text), lowered))
            case n.Not(expression):
                inner: list[ir.Step] = []
                self._condition(expression, inner)
                _place(inner, 0, expression.span)
                steps.append(ir.Exclude(ir.Block(tuple(inner))))
            case n.Condition(expression):
                self._condition(expression, steps)

    def _bound(self, key: n.Name | None, value: n.Name) -> tuple[str | None, str]:
        return self.bind(key.text) if key else None, self.bind(value.text)

    def _condition(self, expression: n.Expression, steps: list[ir.Step]) -> None:
        lowered = self.expression(expression, steps)
        if isinstance(self.facts.type_of(expression), t.Boolean):
            steps.append(ir.Test(lowered))

    def _collection(
        self, node: n.Expression, steps: list[ir.Step]
    ) -> tuple[ir.Expression, ir.Kind]:
        lowered = self.expression(node, steps)
        match self.facts.type_of(node):
            case t.Array():
                return lowered, "array"
            case t.Set():
                return lowered, "set"
        return lowered, "object"

    def _try(
        self, node: n.Expression, operation: ir.Partial, steps: list[ir.Step]
    ) -> ir.Expression:
        """Take something that may be undefined out into a step of its own."""
        name = self.fresh("maybe")
        steps.append(ir.Try(name, replace(operation, span=node.span)))
        return ir.Variable(name)

    def expression(self, node: n.Expression, steps: list[ir.Step]) -> ir.Expression:
        """The expression, after the steps that must come before it."""
        return replace(self._expression(node, steps), span=node.span)

    def _expression(self, node: n.Expression, steps: list[ir.Step]) -> ir.Expression:
        match node:
            case n.Literal(value):
                return ir.Constant(value)
            case n.Name():
                return self._name(node, steps)
            case n.Field():
                return self._field(node, steps)
            case n.Index():
                return self._index(node, steps)
            case n.Call():
                return self._call(node, steps)
            case n.Negative(operand):
                lowered = self.expression(operand, steps)
                return ir.Operation(self._exact("negate", operand), (lowered,))
            case n.Binary():
                return self._binary(node, steps)
            case n.ArrayLiteral(items):
                return _display("array", self._all(items, steps))
            case n.SetLiteral(items):
                return _display("set", self._all(items, steps))
            case n.ObjectLiteral(items):
                return ir.ObjectDisplay(
                    tuple(
                        (self.expression(key, steps), self.expression(value, steps))
                        for key, value in items
                    )
                )
            case _:
                return self._comprehension(node)

    def _all(
        self, nodes: tuple[n.Expression, ...], steps: list[ir.Step]
    ) -> tuple[ir.Expression, ...]:
        return tuple(self.expression(node, steps) for node in nodes)

    def _name(self, node: n.Name, steps: list[ir.Step]) -> ir.Expression:
        if node.text == "input":
            return ir.Input()
        if node.text == "data":
            return ir.Constant(dict(self.lists))
        if node.text in self.names:
            return ir.Variable(self.names[node.text])
        return self._helper(node, (), steps)

    def _helper(
        self,
        node: n.Name | n.Call,
        arguments: tuple[ir.Expression, ...],
        steps: list[ir.Step],
    ) -> ir.Expression:
        instance = self.facts.instance_of(node)
        if instance is None:
            raise InternalError(f"no helper was found for `{node}`")
        if instance.partial:
            return self._try(node, ir.PartialHelper(instance.name, arguments), steps)
        return ir.HelperCall(instance.name, arguments)

    def _field(self, node: n.Field, steps: list[ir.Step]) -> ir.Expression:
        base = self.expression(node.base, steps)
        if self.facts.is_partial(node):
            arguments = (base, ir.Constant(node.name))
            return self._try(node, ir.PartialOperation("field", arguments), steps)
        if isinstance(base, ir.Constant):
            return ir.Constant(base.value[node.name])
        return ir.Member(base, node.name)

    def _index(self, node: n.Index, steps: list[ir.Step]) -> ir.Expression:
        arguments = self._all((node.base, node.index), steps)
        if not self.facts.is_partial(node):
            return ir.Operation("lookup", arguments)
        is_array = isinstance(self.facts.type_of(node.base), t.Array)
        operator: ir.PartialOperator = "item" if is_array else "field"
        return self._try(node, ir.PartialOperation(operator, arguments), steps)

    def _call(self, node: n.Call, steps: list[ir.Step]) -> ir.Expression:
        if node.name == "object.get":
            return self._object_get(node, steps)
        arguments = self._all(node.arguments, steps)
        if node.name == "count" and self._is_object(node.arguments[0]):
            # In this form what has fields alone, and no length, is told apart.
            arguments = (ir.BuiltinCall("object.keys", arguments),)
        if self.facts.instance_of(node) is not None:
            return self._helper(node, arguments, steps)
        if self.facts.is_partial(node):
            return self._try(node, ir.PartialBuiltin(node.name, arguments), steps)
        return ir.BuiltinCall(node.name, arguments)

    def _is_object(self, node: n.Expression) -> bool:
        return isinstance(self.facts.type_of(node), t.Object)

    def _object_get(self, node: n.Call, steps: list[ir.Step]) -> ir.Expression:
        target, key, default = node.arguments
        path = key.items if isinstance(key, n.ArrayLiteral) else (key,)
        base = self.expression(target, steps)
        return ir.Default(base, self._all(path, steps), self.expression(default, steps))

    def _binary(self, node: n.Binary, steps: list[ir.Step]) -> ir.Expression:
        arguments = self._all((node.left, node.right), steps)
        left, right = self.facts.type_of(node.left), self.facts.type_of(node.right)
        if node.operator in ("/", "%"):
            operator: ir.PartialOperator = (
                "divide" if node.operator == "/" else "modulo"
            )
            return self._try(node, ir.PartialOperation(operator, arguments), steps)
        return ir.Operation(self._operator(node, left, right), arguments)

    def _operator(self, node: n.Binary, left: t.Type, right: t.Type) -> ir.Operator:
        match node.operator:
            case "==":
                return "eq" if t.is_scalar(left) and t.is_scalar(right) else "same"
            case "!=":
                return "ne" if t.is_scalar(left) and t.is_scalar(right) else "differ"
            case "in":
                return "in_values" if isinstance(right, t.Map) else "in"
            case "+" | "-" | "*" if isinstance(left, t.Number):
                return self._exact(_EXACT[node.operator], node.left, node.right)
            case "-" | "&" | "|":
                return _SETS[node.operator]  # type: ignore[return-value]
        return _PLAIN[node.operator]

    def _exact(self, name: str, *operands: n.Expression) -> ir.Operator:
        kinds = (self.facts.type_of(operand) for operand in operands)
        whole = all(isinstance(kind, t.Number) and kind.integer for kind in kinds)
        return name if whole else f"{name}_exact"  # type: ignore[return-value]

    def _comprehension(self, node: n.Expression) -> ir.Expression:
        outer = dict(self.names)
        match node:
            case n.ArrayComprehension(head, body):
                found = self._collect("array", None, head, body)
            case n.SetComprehension(head, body):
                found = self._collect("set", None, head, body)
            case n.ObjectComprehension(key, value, body):
                found = self._collect("object", key, value, body)
            case _:
                raise InternalError(f"`{type(node).__name__}` is not an expression")
        self.names = outer
        return found

    def _collect(
        self, kind: ir.Kind, key: n.Expression | None, value: n.Expression, body: n.Body
    ) -> ir.Expression:
        steps = self.lines(body)
        lowered_key = None if key is None else self.result(key, steps)
        lowered = self.result(value, steps)
        return ir.Collect(kind, ir.Block(tuple(steps)), lowered_key, lowered)


def _place(steps: list[ir.Step], first: int, span: Span) -> None:
    """Give the steps from the first on their place."""
    steps[first:] = [replace(step, span=span) for step in steps[first:]]


def _display(kind: str, items: tuple[ir.Expression, ...]) -> ir.Expression:
    """A literal, folded into a constant if all its items are constants."""
    if all(isinstance(item, ir.Constant) for item in items):
        values = [item.value for item in items if isinstance(item, ir.Constant)]
        return ir.Constant(tuple(values) if kind == "array" else frozenset(values))
    return ir.Display("array" if kind == "array" else "set", items)
