"""Which signature of a builtin fits a call, and what type its value has there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t
from opensoc_engine.builtins.rows import ANY, KEY, ORDERED, SCALAR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.builtins.rows import Builtin, Signature

# What each variable of a signature may stand for.
_KINDS: Mapping[str, Any] = {
    ANY.name: object,
    KEY.name: (*t.STRINGS, t.Never),
    SCALAR.name: (*t.SCALARS, t.Never),
    ORDERED.name: (
        *(t.Boolean, t.Number, t.Text, t.Enum, t.Address, t.Network, t.Never),
    ),
}


def resolve(
    builtin: Builtin, arguments: tuple[t.Type, ...]
) -> tuple[Signature, t.Type] | None:
    """The signature that fits the arguments, and the type of the value."""
    for signature in builtin.signatures:
        found: dict[str, t.Type] = {}
        if _fits(signature, arguments, found):
            partial = signature.partial and not _is_settled(builtin, arguments)
            result = t.substitute(signature.result, found)
            return replace(signature, partial=partial), result
    return None


def _fits(
    signature: Signature, arguments: tuple[t.Type, ...], found: dict[str, t.Type]
) -> bool:
    expected = signature.parameters
    return (
        len(expected) == len(arguments)
        and all(map(t.bind, expected, arguments, [found] * len(arguments)))
        and all(isinstance(kind, _KINDS[name]) for name, kind in found.items())
    )


def _is_settled(builtin: Builtin, arguments: tuple[t.Type, ...]) -> bool:
    """True if constants decide that there is a value."""
    check = builtin.check_constant
    if check is None or not builtin.settled_by:
        return False
    for position in builtin.settled_by:
        texts = _constants(arguments[position])
        if texts is None or any(check(position, text) for text in texts):
            return False
    return True


def _constants(kind: t.Type) -> tuple[str, ...] | None:
    """All strings that a value of the type may hold, if they are known."""
    if isinstance(kind, t.Array):
        return _constants(kind.element)
    if isinstance(kind, t.Enum):
        return kind.values
    return () if isinstance(kind, t.Never) else None
