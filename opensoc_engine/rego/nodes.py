"""The tree of a rule body: frozen nodes, each with its place in the file.

Two trees are equal if they say the same: places do not count. Passes that attach facts
to a node use the node's identity, because equal nodes may stand in several places.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from decimal import Decimal

    from opensoc_engine.source import Span


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: `true`, `42`, `0.5` or a string."""

    value: bool | int | Decimal | str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, `input`, `data`, or a helper without parameters."""

    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Field:
    """`base.name`; `base["name"]` with a constant string is read as the same."""

    base: Expression
    name: str
    name_span: Span = field(compare=False, repr=False)
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """`base[index]` where the index is not a constant string."""

    base: Expression
    index: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`; the name may be dotted, such as `net.cidr_contains`."""

    name: str
    arguments: tuple[Expression, ...]
    name_span: Span = field(compare=False, repr=False)
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """`-operand`."""

    operand: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`; operators are `== != < <= > >= in + - * / % & |`."""

    operator: str
    left: Expression
    right: Expression
    operator_span: Span = field(compare=False, repr=False)
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    """`[items]`."""

    items: tuple[Expression, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SetLiteral:
    """`{items}`, or `set()` when it has none."""

    items: tuple[Expression, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ObjectLiteral:
    """`{key: value, ...}`."""

    items: tuple[tuple[Expression, Expression], ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ArrayComprehension:
    """`[head | body]`."""

    head: Expression
    body: Body
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SetComprehension:
    """`{head | body}`."""

    head: Expression
    body: Body
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ObjectComprehension:
    """`{key: value | body}`."""

    key: Expression
    value: Expression
    body: Body
    span: Span = field(compare=False, repr=False)


Expression: TypeAlias = (
    Literal
    | Name
    | Field
    | Index
    | Call
    | Negative
    | Binary
    | ArrayLiteral
    | SetLiteral
    | ObjectLiteral
    | ArrayComprehension
    | SetComprehension
    | ObjectComprehension
)


@dataclass(frozen=True, slots=True)
class Some:
    """`some value in collection`, or `some key, value in collection`."""

    key: Name | None
    value: Name
    collection: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Every:
    """`every value in collection { body }`, or with a key before the value."""

    key: Name | None
    value: Name
    collection: Expression
    body: Body
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """`not expression`."""

    expression: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Assign:
    """`name := value`."""

    name: Name
    value: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression on a line of its own: it must be defined and not false."""

    expression: Expression
    span: Span = field(compare=False, repr=False)


Statement: TypeAlias = Some | Every | Not | Assign | Condition


@dataclass(frozen=True, slots=True)
class Body:
    """Lines that must all hold, in the order of the text."""

    statements: tuple[Statement, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """What a helper is called and gives: the key under `define`.

    `name(parameters)` is a predicate, `name(parameters) := value` a function,
    `name := value` a value, `name contains member` a set. `parameters` is None for the
    last two.
    """

    name: Name
    parameters: tuple[Name, ...] | None
    value: Expression | None
    member: Expression | None
    span: Span = field(compare=False, repr=False)
