"""What a row of the table of builtins says, and the words that rows are written in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from opensoc_engine import types as t

CheckConstant: TypeAlias = Callable[[int, str], "str | None"]


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a builtin.

    Attributes:
        parameters: Types of the arguments; a variable stands for one type throughout.
        partial: True if some arguments of these types give no value.
    """

    parameters: tuple[t.Type, ...]
    result: t.Type
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Builtin:
    """A row of the table.

    Attributes:
        implementation: A function of plain values; None says that there is no value.
        signatures: Ways to call it; the first that fits counts.
        example: An expression, and the value that it has.
        check_constant: What is wrong with a constant string at a position, if anything.
        settled_by: Positions of strings that alone decide whether there is a value: if
            they are constants without a problem, a partial signature is total.
    """

    name: str
    implementation: Callable[..., Any]
    signatures: tuple[Signature, ...]
    example: tuple[str, str]
    check_constant: CheckConstant | None = None
    settled_by: tuple[int, ...] = ()

    @property
    def doc(self) -> str:
        """One sentence that says what the value is."""
        return (self.implementation.__doc__ or "").partition("\n")[0]


# Variables of signatures are called what messages shall call them.
ANY = t.Variable("any")
KEY = t.Variable("string")
SCALAR = t.Variable("scalar")
# Times are no such strings: their text has another order than their instants.
ORDERED = t.Variable("number, string or boolean")

BOOLEAN, NUMBER, INTEGER, TEXT = (
    t.Boolean(),
    t.Number(),
    t.Number(integer=True),
    t.Text(),
)


def total(*types: t.Type) -> Signature:
    """A signature that always gives a value; the last type is that of the value."""
    return Signature(types[:-1], types[-1])


def partial(*types: t.Type) -> Signature:
    """A signature that may give no value; the last type is that of the value."""
    return Signature(types[:-1], types[-1], partial=True)


def either(
    signature: Callable[..., Signature], element: t.Type, result: t.Type
) -> tuple[Signature, ...]:
    """Signatures that take the elements as an array or as a set."""
    return signature(t.Array(element), result), signature(t.Set(element), result)


# Signatures of builtins in more than one theme.
CHANGE = (total(TEXT, TEXT),)
IS = (total(TEXT, BOOLEAN),)


def row(
    name: str,
    implementation: Callable[..., Any],
    example: str,
    value: str,
    *signatures: Signature,
    check: CheckConstant | None = None,
    settled_by: tuple[int, ...] = (),
) -> Builtin:
    """A row of the table."""
    return Builtin(
        name, implementation, signatures, (example, value), check, settled_by
    )
