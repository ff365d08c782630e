"""The parts of bodies, at any depth: what advice on a program looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from opensoc_engine.analysis.resolver import parts
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.analysis.program import Helper, Program

Comprehension: TypeAlias = (
    n.ArrayComprehension | n.SetComprehension | n.ObjectComprehension
)
COMPREHENSIONS = (n.ArrayComprehension, n.SetComprehension, n.ObjectComprehension)


def heads(node: Comprehension) -> tuple[n.Expression, ...]:
    """What a comprehension collects."""
    if isinstance(node, n.ObjectComprehension):
        return (node.key, node.value)
    return (node.head,)


def own_expressions(statement: n.Statement) -> tuple[n.Expression, ...]:
    """The expressions that stand directly in a line."""
    match statement:
        case n.Some(_, _, collection) | n.Every(_, _, collection):
            return (collection,)
        case n.Assign(_, value):
            return (value,)
        case n.Not(expression) | n.Condition(expression):
            return (expression,)


def outer_parts(expression: n.Expression) -> Iterator[n.Expression]:
    """An expression and all its parts, but nothing inside a comprehension."""
    yield expression
    for part in parts(expression):
        yield from outer_parts(part)


def all_parts(expression: n.Expression) -> Iterator[n.Expression]:
    """An expression and all its parts, bodies of comprehensions included."""
    for part in outer_parts(expression):
        yield part
        if isinstance(part, COMPREHENSIONS):
            for head in heads(part):
                yield from all_parts(head)
            yield from body_parts(part.body)


def body_parts(body: n.Body) -> Iterator[n.Expression]:
    """Every expression of a body, at any depth."""
    for statement in body.statements:
        for expression in own_expressions(statement):
            yield from all_parts(expression)
        if isinstance(statement, n.Every):
            yield from body_parts(statement.body)


def inner_bodies(statement: n.Statement) -> Iterator[n.Body]:
    """The bodies directly inside a line: of `every`, and of comprehensions."""
    if isinstance(statement, n.Every):
        yield statement.body
    for expression in own_expressions(statement):
        yield from bodies_in(expression)


def nested_bodies(body: n.Body) -> Iterator[n.Body]:
    """A body and every body inside it."""
    yield body
    for statement in body.statements:
        for inner in inner_bodies(statement):
            yield from nested_bodies(inner)


def helper_parts(helper: Helper) -> Iterator[n.Expression]:
    """Every expression of a helper, its head's included."""
    for result in (helper.head.value, helper.head.member):
        if result is not None:
            yield from all_parts(result)
    for body in helper.bodies:
        yield from body_parts(body)


def rule_parts(program: Program) -> Iterator[n.Expression]:
    """Every expression of the rules of a program."""
    for rule in program.rules:
        for body in rule.bodies:
            yield from body_parts(body)
        if isinstance(rule.value, n.Expression):
            yield from all_parts(rule.value)


def program_parts(program: Program) -> Iterator[n.Expression]:
    """Every expression of a program."""
    yield from rule_parts(program)
    for helper in program.helpers.values():
        yield from helper_parts(helper)


def called_names(expressions: Iterator[n.Expression]) -> set[str]:
    """Every name that is read or called."""
    return {
        part.text if isinstance(part, n.Name) else part.name
        for part in expressions
        if isinstance(part, n.Name | n.Call)
    }


def bodies_in(expression: n.Expression) -> Iterator[n.Body]:
    """The bodies of the outermost comprehensions in an expression."""
    for part in outer_parts(expression):
        if isinstance(part, COMPREHENSIONS):
            yield part.body
            for head in heads(part):
                yield from bodies_in(head)
