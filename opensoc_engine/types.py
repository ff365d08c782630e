"""The type language of policies: what a value can be, and what fits where.

Types are immutable and compared by content. Presence and narrowing are types too: a
guard replaces the type of a variable by one whose field is required, or by the one
member of a union that is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import field as attribute
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number; `integer` if it has no fraction."""

    integer: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""


@dataclass(frozen=True, slots=True)
class Enum:
    """A string that is one of `values`, which are sorted."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timestamp:
    """An RFC 3339 time with an offset, as a string."""


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 or IPv6 address, as a string."""


@dataclass(frozen=True, slots=True)
class Network:
    """An IPv4 or IPv6 network in CIDR form, as a string."""


@dataclass(frozen=True, slots=True)
class Never:
    """No value: the element of an empty literal."""


@dataclass(frozen=True, slots=True)
class Array:
    """Values in an order."""

    element: Type


@dataclass(frozen=True, slots=True)
class Set:
    """Different scalars, without order."""

    element: Type


@dataclass(frozen=True, slots=True)
class Map:
    """An object whose keys are not known before it is read."""

    key: Type
    value: Type


@dataclass(frozen=True, slots=True)
class Field:
    """A named part of an object.

    Attributes:
        trust: `claim` or `free_text` if an attacker chooses it freely, else None.
        identity: True if the field names the object in evidence.
    """

    name: str
    type: Type
    required: bool = True
    trust: str | None = None
    identity: bool = False


@dataclass(frozen=True, slots=True)
class Object:
    """An object with known fields.

    Attributes:
        open: True if a value may have further fields, of which nothing is known; then
            only its known fields can be read, one by one.
    """

    title: str
    fields: tuple[Field, ...]
    open: bool = False
    # Large types are looked up often, so their hash is kept.
    _hash: int = attribute(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.title, self.fields, self.open)))

    def __hash__(self) -> int:
        return self._hash

    def field(self, name: str) -> Field | None:
        """The field of that name."""
        return next((item for item in self.fields if item.name == name), None)

    @property
    def identity(self) -> str | None:
        """The field that names the object in evidence: a string, always there."""
        return next(
            (
                item.name
                for item in self.fields
                if item.identity and item.required and is_string(item.type)
            ),
            None,
        )


@dataclass(frozen=True, slots=True)
class Union:
    """One of several objects, told apart by the value of one field."""

    title: str
    discriminator: str
    members: tuple[Object, ...]
    _hash: int = attribute(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = (self.title, self.discriminator, self.members)
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:
        return self._hash

    def tags(self, member: Object) -> tuple[str, ...]:
        """The discriminator's values of a member; none if there is no discriminator."""
        tag = member.field(self.discriminator)
        return tag.type.values if tag and isinstance(tag.type, Enum) else ()


@dataclass(frozen=True, slots=True)
class Variable:
    """Any type, the same wherever the name stands in a signature."""

    name: str


Type: TypeAlias = (
    Boolean
    | Number
    | Text
    | Enum
    | Timestamp
    | Address
    | Network
    | Never
    | Array
    | Set
    | Map
    | Object
    | Union
    | Variable
)

STRINGS = (Text, Enum, Timestamp, Address, Network)
SCALARS = (Boolean, Number, *STRINGS)


def is_string(kind: Type) -> bool:
    """True for every type whose values are strings."""
    return isinstance(kind, STRINGS)


def is_scalar(kind: Type) -> bool:
    """True for booleans, numbers and strings: what sets may hold."""
    return isinstance(kind, (*SCALARS, Never))


def is_plain(kind: Type) -> bool:
    """True for scalars and arrays and sets of them: what `==` compares."""
    if isinstance(kind, Array | Set):
        return is_plain(kind.element)
    return is_scalar(kind)


def describe(kind: Type) -> str:
    """The type in the words of messages."""
    match kind:
        case Enum(values):
            shown = ", ".join(f"`{value}`" for value in values[:4])
            return f"one of {shown}" + (", ..." if len(values) > 4 else "")  # noqa: PLR2004
        case Array(element):
            return f"array of {describe(element)}"
        case Set(element):
            return f"set of {describe(element)}"
        case Map(key, value):
            return f"object of {describe(value)} by {describe(key)}"
        case Object(title) | Union(title):
            return f"`{title}` object"
        case Variable(name):
            return name
    return _SIMPLE[type(kind)]


_SIMPLE: dict[type, str] = {
    Boolean: "boolean",
    Number: "number",
    Text: "string",
    Timestamp: "timestamp",
    Address: "address",
    Network: "network",
    Never: "nothing",
}


def join(left: Type, right: Type) -> Type | None:
    """The narrowest type that holds the values of both, if there is one."""
    match left, right:
        case (_, Never()):
            return left
        case (Never(), _):
            return right
        case (Number(a), Number(b)):
            return Number(a and b)
        case (Enum(a), Enum(b)):
            return Enum(tuple(sorted({*a, *b})))
        case (Array(a), Array(b)):
            element = join(a, b)
            return Array(element) if element is not None else None
        case (Set(a), Set(b)):
            element = join(a, b)
            return Set(element) if element is not None else None
        case (Map(k, a), Map(m, b)):
            key, value = join(k, m), join(a, b)
            return Map(key, value) if key is not None and value is not None else None
        case (Object(), Object()):
            return left if left == right else _join_objects(left, right)
    if left == right:
        return left
    return Text() if is_string(left) and is_string(right) else None


def join_all(kinds: Iterable[Type]) -> Type | tuple[Type, Type]:
    """The narrowest type that holds all values, or two types that have none.

    Constants are gathered first: there may be thousands.
    """
    kinds = tuple(kinds)
    words = {word for kind in kinds if isinstance(kind, Enum) for word in kind.values}
    constants = Enum(tuple(sorted(words)))
    joined: Type = Never()
    for kind in dict.fromkeys(constants if isinstance(k, Enum) else k for k in kinds):
        both = join(joined, kind)
        if both is None:
            return joined, kind
        joined = both
    return joined


def _join_objects(left: Object, right: Object) -> Object | None:
    ours = {item.name: item for item in left.fields}
    theirs = {item.name: item for item in right.fields}
    fields = []
    for name in dict.fromkeys((*ours, *theirs)):
        both = _join_fields(left, ours.get(name), right, theirs.get(name))
        if both is None:
            return None
        fields.append(both)
    return Object(left.title, tuple(fields), left.open or right.open)


def _join_fields(
    left: Object, ours: Field | None, right: Object, theirs: Field | None
) -> Field | None:
    """A field of both objects or of one; what either forbids or lacks, both do."""
    if ours is None or theirs is None:
        only, other = (theirs, left) if ours is None else (ours, right)
        assert only is not None
        # An open object may have the field too, with anything in it.
        return None if other.open else replace(only, required=False, identity=False)
    kind = join(ours.type, theirs.type)
    if kind is None or (ours.trust and theirs.trust and ours.trust != theirs.trust):
        return None
    return Field(
        ours.name,
        kind,
        ours.required and theirs.required,
        ours.trust or theirs.trust,
        ours.identity and theirs.identity,
    )


def overlaps(left: Type, right: Type) -> bool:
    """True if some value could be of both types."""
    match left, right:
        case (Never(), _) | (_, Never()):
            return True
        case (Enum(a), Enum(b)):
            return not set(a).isdisjoint(b)
        case (Array(a), Array(b)) | (Set(a), Set(b)):
            return overlaps(a, b)
        case (Map(k, a), Map(m, b)):
            return overlaps(k, m) and overlaps(a, b)
    if is_string(left) and is_string(right):
        return True
    return type(left) is type(right)


def bind(pattern: Type, actual: Type, found: dict[str, Type]) -> bool:
    """True if a value of type `actual` may stand where a signature says `pattern`.

    Args:
        pattern: A type of a signature, perhaps with variables.
        actual: The type of the argument.
        found: What the variables stand for so far; added to.
    """
    match pattern, actual:
        case (Variable(name), _):
            known = found.get(name)
            both = actual if known is None else join(known, actual)
            if both is None:
                return False
            found[name] = both
            return True
        case (_, Never()):
            return True
        case (Text(), _):
            return is_string(actual)
        case (Number(integer), Number(given)):
            return given or not integer
        case (Array(a), Array(b)) | (Set(a), Set(b)):
            return bind(a, b, found)
        case (Map(key, value), Map(k, v)):
            return bind(key, k, found) and bind(value, v, found)
        case (Map(key, value), Object(_, fields, False)):
            names = Enum(tuple(sorted(item.name for item in fields)))
            return bind(key, names, found) and all(
                bind(value, item.type, found) for item in fields
            )
    return type(pattern) is type(actual)


def substitute(pattern: Type, found: dict[str, Type]) -> Type:
    """The pattern with its variables replaced; an unbound one stands for nothing."""
    match pattern:
        case Variable(name):
            return found.get(name, Never())
        case Array(element):
            return Array(substitute(element, found))
        case Set(element):
            return Set(substitute(element, found))
        case Map(key, value):
            return Map(substitute(key, found), substitute(value, found))
    return pattern
