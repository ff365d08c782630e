"""Operators on types: what they give, or why they can't be applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensoc_engine import types as t
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from opensoc_engine.source import Span

ORDERING = frozenset({"<", "<=", ">", ">="})
EQUALITY = frozenset({"==", "!="})
# What says the same once the sides are exchanged.
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_SETS = frozenset({"-", "&", "|"})


class OperatorError(Exception):
    """An operator that can't be applied.

    Attributes:
        problem: What is wrong.
        help: What to write instead.
    """

    def __init__(self, problem: str, help: str | None = None) -> None:  # noqa: A002 - the word of messages
        super().__init__(problem)
        self.problem = problem
        self.help = help


def apply(operator: str, left: t.Type, right: t.Type) -> t.Type:
    """The type of `left operator right`.

    Raises:
        OperatorError: The operator has no meaning for values of these types.
    """
    if operator in EQUALITY:
        return _compare(left, right)
    if operator in ORDERING:
        return _order(left, right)
    if operator == "in":
        return _contain(left, right)
    if operator in _SETS and isinstance(left, t.Set) and isinstance(right, t.Set):
        return _combine(left, right)
    return _calculate(operator, left, right)


def foreign_constant(
    node: n.Binary, left: t.Type, right: t.Type
) -> tuple[Span, str, t.Enum] | None:
    """A constant that is compared with an enumeration which does not have it."""
    pairs: tuple[tuple[n.Expression, t.Type], ...] = ()
    if node.operator in EQUALITY:
        pairs = ((node.left, right), (node.right, left))
    elif node.operator == "in":
        pairs = tuple((item, left) for item in getattr(node.right, "items", ()))
    for part, kind in pairs:
        if not (isinstance(part, n.Literal) and isinstance(kind, t.Enum)):
            continue
        if isinstance(part.value, str) and part.value not in kind.values:
            return part.span, part.value, kind
    return None


def _compare(left: t.Type, right: t.Type) -> t.Type:
    for kind in (left, right):
        if isinstance(kind, t.Timestamp):
            raise OperatorError(
                "timestamps can't be compared as text",
                "compare `time.parse_rfc3339_ns(...)` of both",
            )
        if not t.is_plain(kind):
            problem = f"{_a(kind)} can't be compared"
            raise OperatorError(problem, "compare one of its fields")
    if not t.overlaps(left, right):
        raise OperatorError(f"{_a(left)} and {_a(right)} are never equal")
    return t.Boolean()


def _order(left: t.Type, right: t.Type) -> t.Type:
    for kind in (left, right):
        if isinstance(kind, t.Timestamp):
            raise OperatorError(
                "timestamps can't be ordered as text",
                "compare `time.parse_rfc3339_ns(...)` of both",
            )
        if not isinstance(kind, t.Number):
            raise OperatorError(f"only numbers have an order, not {_a(kind)}")
    return t.Boolean()


def _contain(left: t.Type, right: t.Type) -> t.Type:
    match right:
        case t.Array(element) | t.Set(element) | t.Map(_, element):
            pass
        case _:
            raise OperatorError(
                f"`in` looks into an array, a set or an object, not {_a(right)}",
                "use `contains(haystack, needle)` for strings"
                if t.is_string(right)
                else None,
            )
    if not t.is_scalar(left):
        raise OperatorError(
            f"`in` looks for a string, number or boolean, not {_a(left)}"
        )
    if not (t.is_scalar(element) and t.overlaps(left, element)):
        raise OperatorError(f"{_a(left)} is never in {_a(right)}")
    return t.Boolean()


def _combine(left: t.Set, right: t.Set) -> t.Type:
    element = t.join(left.element, right.element)
    if element is None:
        raise OperatorError(f"{_a(left)} and {_a(right)} have nothing in common")
    return t.Set(element)


def _calculate(operator: str, left: t.Type, right: t.Type) -> t.Type:
    if operator in "&|":
        raise OperatorError(
            f"`{operator}` joins sets, not {_a(left)} and {_a(right)}",
            "lines are joined by AND; write a list of bodies for OR",
        )
    for kind in (left, right):
        if not isinstance(kind, t.Number):
            raise OperatorError(
                f"`{operator}` calculates with numbers, not {_a(kind)}",
                "use `concat` or `sprintf` to join strings"
                if operator == "+" and t.is_string(kind)
                else None,
            )
    assert isinstance(left, t.Number)
    assert isinstance(right, t.Number)
    integer = left.integer and right.integer
    if operator == "%" and not integer:
        raise OperatorError("`%` needs integers")
    return t.Number(integer and operator != "/")


def _a(kind: t.Type) -> str:
    text = t.describe(kind)
    if text.startswith("one of"):
        return text
    return f"an {text}" if text[0] in "aeiou" else f"a {text}"
