"""Values that a type allows: what a missing part of a document could be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t

if TYPE_CHECKING:
    from collections.abc import Iterator

# Addresses and names for documentation, which nobody owns.
ADDRESSES = ("203.0.113.200", "198.51.100.200", "192.0.2.200")
_NETWORK = "192.0.2.0/24"
_TIME = "2026-01-01T00:00:00Z"
OTHER = "other"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MEMBERS = 8
NANOSECONDS = 1_000_000_000


def sample(kind: t.Type) -> Any:
    """A value of a type; objects have their required fields alone."""
    match kind:
        case t.Boolean():
            return True
        case t.Number():
            return 1
        case t.Enum(values):
            return values[0]
        case t.Timestamp():
            return _TIME
        case t.Address():
            return ADDRESSES[0]
        case t.Network():
            return _NETWORK
        case t.Array() | t.Set():
            return []
        case t.Map():
            return {}
        case t.Object(_, fields):
            return {f.name: sample(f.type) for f in fields if f.required}
        case t.Union(_, _, members):
            return sample(members[0])
    return OTHER


def samples(kind: t.Type) -> Iterator[Any]:
    """Values of a type to try, one after the other."""
    if isinstance(kind, t.Boolean):
        yield from (True, False)
    elif isinstance(kind, t.Enum):
        yield from kind.values[:_MAX_MEMBERS]
    else:
        yield sample(kind)


def others(kind: t.Type | None, value: Any) -> Iterator[Any]:
    """Values of a type that differ from one."""
    match kind, value:
        case _, bool():
            yield not value
        case _, int() | Decimal():
            yield value + 1
            yield value - 1
        case t.Enum(values), _:
            yield from [other for other in values if other != value][:_MAX_MEMBERS]
        case t.Address(), _:
            yield from (other for other in ADDRESSES if other != value)
        case t.Timestamp(), str():
            yield _TIME
        case _, str():
            yield f"{value}-{OTHER}" if value else OTHER


def fits(kind: t.Type | None, value: Any) -> bool:
    """True if a JSON value has the shape of a type; objects are not looked into."""
    match kind:
        case None:
            return False
        case t.Boolean():
            return isinstance(value, bool)
        case t.Number(integer):
            numbers = int if integer else int | float
            return isinstance(value, numbers) and not isinstance(value, bool)
        case t.Enum(values):
            return value in values
    return isinstance(value, str) or not t.is_scalar(kind)


def plain(value: Any, kind: t.Type | None) -> Any:
    """A value of a policy as a JSON value: no decimals, tuples or sets."""
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        is_integer = isinstance(kind, t.Number) and kind.integer
        return int(value) if whole or is_integer else float(value)
    if isinstance(value, frozenset):
        return [plain(part, None) for part in sorted(value)]
    if isinstance(value, list | tuple):
        return [plain(part, None) for part in value]
    if isinstance(value, dict):
        return {key: plain(part, None) for key, part in value.items()}
    return value


def rfc3339(nanoseconds: int) -> str | None:
    """A time in UTC as text; None if no such year can be written."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
