"""Nodes become text in one canonical form: parsing it gives the same nodes back.

A body is printed one line a statement. Brackets stand only where the tree needs them,
and where OPA asks for them.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Iterable

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INDENT = "  "
# What can't stand after a dot.
_KEYWORDS = frozenset(
    (
        *("_", "as", "contains", "default", "else", "every", "false", "if", "import"),
        *("in", "not", "null", "package", "some", "true", "with"),
    )
)

_RELATION, _UNION, _INTERSECTION, _SUM, _PRODUCT, _NEGATIVE, _REFERENCE = range(7)
_LEVELS = {
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), _RELATION),
    "|": _UNION,
    "&": _INTERSECTION,
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
}


def print_body(body: n.Body) -> str:
    """The lines of a body, without a newline at the end."""
    return "\n".join(_lines(body))


def print_expression(expression: n.Expression) -> str:
    """An expression on one line."""
    match expression:
        case n.Literal(value):
            return _literal(value)
        case n.Name(text):
            return text
        case n.Field() | n.Index() | n.Call():
            return _reference(expression)
        case n.Negative(operand):
            return f"-{_at_least(_REFERENCE, operand)}"
        case n.Binary():
            return _binary(expression)
        case _:
            return _collection(expression)


def print_head(head: n.Head) -> str:
    """The head of a helper, as it stands under `define`."""
    text = head.name.text
    if head.parameters is not None:
        text += f"({', '.join(name.text for name in head.parameters)})"
    if head.value is not None:
        text += f" := {print_expression(head.value)}"
    if head.member is not None:
        text += f" contains {print_expression(head.member)}"
    return text


def _lines(body: n.Body) -> list[str]:
    return [line for s in body.statements for line in _statement_lines(s)]


def _statement_lines(statement: n.Statement) -> list[str]:
    if not isinstance(statement, n.Every):
        return [print_statement(statement)]
    inner = [_INDENT + line for line in _lines(statement.body)]
    return [f"{_binding(statement)} {{", *inner, "}"]


def print_statement(statement: n.Statement) -> str:
    """A statement on one line."""
    match statement:
        case n.Some():
            return _binding(statement)
        case n.Every():
            return f"{_binding(statement)} {{ {_inline(statement.body)} }}"
        case n.Not(expression):
            return f"not {print_expression(expression)}"
        case n.Assign(name, value):
            return f"{name.text} := {print_expression(value)}"
        case n.Condition(expression):
            text = print_expression(expression)
            return f"({text})" if text.startswith("-") else text


def _inline(body: n.Body) -> str:
    return "; ".join(map(print_statement, body.statements))


def _binding(statement: n.Some | n.Every) -> str:
    word = "some" if isinstance(statement, n.Some) else "every"
    key = f"{statement.key.text}, " if statement.key else ""
    collection = _at_least(_UNION, statement.collection)
    return f"{word} {key}{statement.value.text} in {collection}"


def _literal(value: bool | int | Decimal | str) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case Decimal():
            return _decimal(value)
        case _:
            return str(value)


def _string(value: str) -> str:
    """Raw where that saves escapes of backslashes, as in patterns and paths."""
    if "\\" in value and "`" not in value and value.isprintable():
        return f"`{value}`"
    return json.dumps(value, ensure_ascii=False)


def _decimal(value: Decimal) -> str:
    """In full, without zeros at the end, but always with a point."""
    whole, _, fraction = format(value, "f").partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"


def _binary(node: n.Binary) -> str:
    level = _LEVELS[node.operator]
    # Comparisons can't be chained; all other operators group to the left.
    left = _at_least(_UNION if level == _RELATION else level, node.left)
    return f"{left} {node.operator} {_at_least(level + 1, node.right)}"


def _at_least(level: int, node: n.Expression) -> str:
    """An operand, in brackets if it binds less than `level`."""
    text = print_expression(node)
    return text if _level(node) >= level else f"({text})"


def _level(node: n.Expression) -> int:
    match node:
        case n.Binary():
            return _LEVELS[node.operator]
        case n.Negative():
            return _NEGATIVE
        case _:
            return _REFERENCE


def _reference(node: n.Field | n.Index | n.Call) -> str:
    match node:
        case n.Field(base, name):
            dotted = _IDENTIFIER.fullmatch(name) and name not in _KEYWORDS
            step = f".{name}" if dotted else f"[{_string(name)}]"
            return _base(base) + step
        case n.Index(base, index):
            return f"{_base(base)}[{print_expression(index)}]"
        case n.Call(name, arguments):
            return f"{name}({', '.join(map(print_expression, arguments))})"


def _base(node: n.Expression) -> str:
    text = print_expression(node)
    bare = _level(node) == _REFERENCE and not isinstance(node, n.Literal)
    return text if bare else f"({text})"


_Collection = (
    n.ArrayLiteral
    | n.SetLiteral
    | n.ObjectLiteral
    | n.ArrayComprehension
    | n.SetComprehension
    | n.ObjectComprehension
)


def _collection(node: _Collection) -> str:
    match node:
        case n.ArrayLiteral(items):
            return f"[{_elements(items)}]"
        case n.SetLiteral(items):
            return f"{{{_elements(items)}}}" if items else "set()"
        case n.ObjectLiteral(items):
            return f"{{{', '.join(_pair(key, value) for key, value in items)}}}"
        case n.ArrayComprehension(head, body):
            return f"[{_at_least(_NEGATIVE, head)} | {_inline(body)}]"
        case n.SetComprehension(head, body):
            return f"{{{_at_least(_NEGATIVE, head)} | {_inline(body)}}}"
        case n.ObjectComprehension(key, value, body):
            pair = f"{_element(key)}: {_at_least(_NEGATIVE, value)}"
            return f"{{{pair} | {_inline(body)}}}"


def _elements(items: Iterable[n.Expression]) -> str:
    return ", ".join(map(_element, items))


def _pair(key: n.Expression, value: n.Expression) -> str:
    return f"{_element(key)}: {_element(value)}"


def _element(node: n.Expression) -> str:
    """In a collection a bare `|` would begin the body of a comprehension."""
    text = print_expression(node)
    return f"({text})" if _has_bare_union(node) else text


def _has_bare_union(node: n.Expression) -> bool:
    if not isinstance(node, n.Binary) or _LEVELS[node.operator] > _UNION:
        return False
    operands = (node.left, node.right)
    return node.operator == "|" or any(_level(part) == _UNION for part in operands)
