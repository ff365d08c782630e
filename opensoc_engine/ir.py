"""The decision language that checked policies become: small, typed and explicit.

Nothing here can fail at run time. What may be undefined stands only in a `Try` step,
which ends its block when there is no value. Names of variables are unique in a body and
are made of letters, digits and `_`. Values are `bool`, `int`, `Decimal`, `str`, arrays
(`list` from the input, `tuple` from a policy), `frozenset` and `dict`; no floats.

Expressions and steps know the place in the policy that they came from. Places do not
count when two of them are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from opensoc_engine.source import Span

# One way for a rule to fire: the ids of its evidence, and what it adds in a rubric.
Solution: TypeAlias = tuple[tuple[str, ...], int | Decimal | None]

Operator: TypeAlias = Literal[
    "eq",  # two scalars of one family
    "ne",
    "same",  # two arrays or sets
    "differ",
    "lt",
    "le",
    "gt",
    "ge",
    "in",  # a scalar in an array or a set
    "in_values",  # a scalar among the values of an object
    "add",  # integers
    "subtract",
    "multiply",
    "negate",
    "add_exact",  # at least one decimal
    "subtract_exact",
    "multiply_exact",
    "negate_exact",
    "intersect",  # sets
    "unite",
    "except",
    "lookup",  # an object at a key that it is known to have
]
PartialOperator: TypeAlias = Literal[
    "field",  # an object at a key that it may lack
    "item",  # an array at an index, counted from 0
    "divide",  # undefined by zero
    "modulo",  # integers; undefined by zero; the sign follows the dividend
]
Kind: TypeAlias = Literal["array", "set", "object"]


@dataclass(frozen=True, slots=True)
class Placed:
    """Something that stands at a place in a policy: a line, or a part of one."""

    span: Span | None = field(default=None, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Constant(Placed):
    """A value that is known before anything runs; arrays are tuples."""

    value: Any


@dataclass(frozen=True, slots=True)
class Input(Placed):
    """The document."""


@dataclass(frozen=True, slots=True)
class Variable(Placed):
    """A variable of the function."""

    name: str


@dataclass(frozen=True, slots=True)
class Member(Placed):
    """A field that is always there."""

    base: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Default(Placed):
    """The value at a path of keys, or another where any key is missing."""

    base: Expression
    path: tuple[Expression, ...]
    default: Expression


@dataclass(frozen=True, slots=True)
class Operation(Placed):
    """An operator on values."""

    operator: Operator
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class BuiltinCall(Placed):
    """A builtin that has a value for all arguments of its types."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class HelperCall(Placed):
    """A helper that always has a value; a predicate gives true or false."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Display(Placed):
    """A literal: an array, or a set of scalars."""

    kind: Literal["array", "set"]
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectDisplay(Placed):
    """An object literal."""

    items: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class Collect(Placed):
    """A comprehension: one `value` for each way to fulfil the block.

    Of two values for one key of an object the first is kept.
    """

    kind: Kind
    block: Block
    key: Expression | None
    value: Expression


Expression: TypeAlias = (
    Constant
    | Input
    | Variable
    | Member
    | Default
    | Operation
    | BuiltinCall
    | HelperCall
    | Display
    | ObjectDisplay
    | Collect
)


@dataclass(frozen=True, slots=True)
class PartialOperation(Placed):
    """An operator whose value may be missing."""

    operator: PartialOperator
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class PartialBuiltin(Placed):
    """A builtin that may have no value: its implementation gives None."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class PartialHelper(Placed):
    """A value helper that may have no value."""

    function: str
    arguments: tuple[Expression, ...]


Partial: TypeAlias = PartialOperation | PartialBuiltin | PartialHelper


@dataclass(frozen=True, slots=True)
class Each(Placed):
    """Goes on once for each element: sets by order of value, objects of key."""

    key: str | None
    value: str
    collection: Expression
    kind: Kind


@dataclass(frozen=True, slots=True)
class Test(Placed):
    """Goes on if the expression is true."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class Bind(Placed):
    """Goes on with a variable bound."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Try(Placed):
    """Goes on with a variable bound, if there is a value."""

    name: str
    value: Partial


@dataclass(frozen=True, slots=True)
class Exclude(Placed):
    """Goes on if the block can't be fulfilled."""

    block: Block


@dataclass(frozen=True, slots=True)
class ForAll(Placed):
    """Goes on if the block can be fulfilled for each element."""

    key: str | None
    value: str
    collection: Expression
    kind: Kind
    block: Block


Step: TypeAlias = Each | Test | Bind | Try | Exclude | ForAll


@dataclass(frozen=True, slots=True)
class Block:
    """Steps that are taken in order; each way through them fulfils the block."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A helper for one tuple of argument types.

    Attributes:
        kind: `predicate` is true if any body can be fulfilled; `value` is the result
            after its only body, which has no `Each`, and None if that fails; `set`
            gathers the results of all ways through all bodies.
        results: One for each body; empty for a predicate.
        partial: True if a `value` may be missing.
    """

    name: str
    kind: Literal["predicate", "value", "set"]
    parameters: tuple[str, ...]
    bodies: tuple[Block, ...]
    results: tuple[Expression, ...]
    partial: bool


@dataclass(frozen=True, slots=True)
class RuleBody:
    """One way for a rule to fire.

    Attributes:
        evidence: Strings, or arrays of strings, that identify items of the input.
        value: What the rule adds, in a rubric.
    """

    block: Block
    evidence: tuple[Expression, ...]
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule; it fires if any body can be fulfilled."""

    id: str
    bodies: tuple[RuleBody, ...]


@dataclass(frozen=True, slots=True)
class Module:
    """Rules and the helpers that they call; a helper stands before its callers."""

    functions: tuple[Function, ...]
    rules: tuple[Rule, ...]
