"""JSON Schemas and list values become types, with the trust labels of the schemas.

Only the part of JSON Schema that policies can use has a type; anything else is an
`InputError` that names the place in the schema. `$ref` may lead into a sibling file.
Every valid document has the type of its schema: what a policy proves of the type holds
for the document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from ipaddress import ip_address, ip_network
from itertools import chain
from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t
from opensoc_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# What `forbid` in a manifest can name; another label would forbid nothing.
TRUST_LABELS = frozenset({"claim", "free_text"})
# Of schemas inside one another; ours have 8. Later passes walk types by recursion.
MAX_DEPTH = 32
# Of the objects in a list: each key is a field of a type.
MAX_KEYS = 1_000
# Of the values of an array in a list, counted before they are put together.
MAX_SHAPES = 200

_FORMATS: dict[str, t.Type] = {
    "date-time": t.Timestamp(),
    "ip-address": t.Address(),
    "ipv4": t.Address(),
    "ipv6": t.Address(),
    "cidr": t.Network(),
}


def schema_type(name: str, documents: Mapping[str, Any]) -> t.Type:
    """The type of the values that a schema file allows.

    Args:
        name: File name, such as `incident.schema.json`.
        documents: All schema files by name.

    Raises:
        InputError: A file is missing or says something that has no type.
    """
    reader = _Reader(documents)
    kind = reader.follow(f"{name}#")
    if next(reader.labels(documents[name], f"{name}#"), None) is not None:
        raise InputError(f"`x-trust` at `{name}#` labels no property: move it to one")
    return kind


def value_type(value: Any) -> t.Type:
    """The type of a constant of a list file.

    Strings that are all networks, or all addresses, get that type.

    Raises:
        InputError: An array mixes values that have no common type.
    """
    if isinstance(value, bool):
        return t.Boolean()
    if isinstance(value, int | Decimal):
        return t.Number(integer=isinstance(value, int))
    if isinstance(value, str):
        return _string_type(value)
    if isinstance(value, dict):
        _limit_keys(len(value))
        fields = (t.Field(str(key), value_type(item)) for key, item in value.items())
        return t.Object("list", tuple(fields))
    if isinstance(value, list | tuple):
        return t.Array(_element_type(value))
    raise InputError(
        f"`{value}` has no type in policies: use text, numbers or booleans"
    )


def _element_type(values: list[Any] | tuple[Any, ...]) -> t.Type:
    kinds = dict.fromkeys(value_type(value) for value in values)
    if len(kinds) > MAX_SHAPES:
        raise InputError(f"an array has at most {MAX_SHAPES:,} shapes of values")
    found = t.join_all(kinds)
    if isinstance(found, tuple):
        raise InputError("the values of an array must have one type")
    if isinstance(found, t.Object):
        _limit_keys(len(found.fields))
    return found


def _limit_keys(count: int) -> None:
    if count > MAX_KEYS:
        raise InputError(
            f"objects have at most {MAX_KEYS:,} different keys: use an array of objects"
        )


def _string_type(value: str) -> t.Type:
    if _is_valid(ip_address, value):
        return t.Address()
    if "/" in value and _is_valid(ip_network, value):
        return t.Network()
    return t.Text()


def _is_valid(read: Callable[[str], object], value: str) -> bool:
    try:
        read(value)
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class _Reader:
    """Turns schemas into types; each `$ref` is read once."""

    documents: Mapping[str, Any]
    known: dict[str, t.Type] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    depth: int = 0

    def follow(self, reference: str) -> t.Type:
        """The type that a full reference, `file#/pointer`, leads to."""
        if reference in self.known:
            return self.known[reference]
        if reference in self.open:
            raise InputError(f"the schema `{reference}` contains itself")
        self.open.append(reference)
        self.known[reference] = self.read(self._find(reference), reference)
        self.open.pop()
        return self.known[reference]

    def _find(self, reference: str) -> Any:
        name, _, pointer = reference.partition("#")
        if name not in self.documents:
            raise InputError(f"there is no schema `{name}`")
        steps = [step for step in pointer.split("/") if step]
        try:
            return reduce(lambda node, step: node[step], steps, self.documents[name])
        except (KeyError, TypeError):
            raise InputError(f"the schema has no `{reference}`") from None

    def read(self, schema: Any, where: str) -> t.Type:
        """The type of a schema that stands at `where`."""
        if not isinstance(schema, dict):
            raise InputError(f"the schema at `{where}` is not an object")
        if self.depth == MAX_DEPTH:
            raise InputError(f"the schema at `{where}` is deeper than {MAX_DEPTH}")
        self.depth += 1
        kind = self._read(schema, where)
        self.depth -= 1
        return kind

    def _read(self, schema: dict[str, Any], where: str) -> t.Type:
        if "$ref" in schema:
            return self.follow(_full(schema["$ref"], where))
        if "oneOf" in schema:
            return self._union(schema, where)
        if "const" in schema or "enum" in schema:
            return _constants(schema, where)
        match schema.get("type"):
            case "object":
                return self._object(schema, where)
            case "array":
                return t.Array(self.read(schema.get("items", {}), f"{where}/items"))
            case "string":
                return _FORMATS.get(str(schema.get("format")), t.Text())
            case "integer":
                return t.Number(integer=True)
            case "number":
                return t.Number()
            case "boolean":
                return t.Boolean()
        raise InputError(f"the schema at `{where}` has no type that policies know")

    def _object(self, schema: dict[str, Any], where: str) -> t.Type:
        more = schema.get("additionalProperties", True)
        properties = _part(schema, "properties", dict, where)
        if "patternProperties" in schema or (properties and isinstance(more, dict)):
            problem = "properties by name beside others by a schema"
            raise InputError(f"the schema at `{where}` has {problem}: use one of them")
        if isinstance(more, dict):
            return t.Map(t.Text(), self.read(more, f"{where}/additionalProperties"))
        required = _part(schema, "required", list, where)
        fields = (
            self._field(name, part, name in required, f"{where}/properties/{name}")
            for name, part in properties.items()
        )
        title = str(schema.get("title") or where.rpartition("/")[2])
        return t.Object(title, tuple(fields), more is not False)

    def _field(self, name: str, schema: Any, required: bool, where: str) -> t.Field:
        kind = self.read(schema, where)
        trust = frozenset(self.labels(schema, where))
        if len(trust) > 1:
            raise InputError(f"the schema at `{where}` has two kinds of `x-trust`")
        identity = self._is_identity(schema, where)
        return t.Field(name, kind, required, next(iter(trust), None), identity)

    def labels(self, schema: dict[str, Any], where: str) -> Iterator[str]:
        """The trust labels of a value: its own, and those of what it consists of.

        Those of its properties are not among them: each property keeps its own. The
        schema has a type, so it does not contain itself.
        """
        if "x-trust" in schema:
            if schema["x-trust"] not in TRUST_LABELS:
                known = " or ".join(sorted(TRUST_LABELS))
                raise InputError(f"`x-trust` at `{where}` is not {known}")
            yield schema["x-trust"]
        if "$ref" in schema:
            reference = _full(schema["$ref"], where)
            yield from self.labels(self._find(reference), reference)
        inner = (schema.get(key) for key in ("items", "additionalProperties"))
        for part in chain(inner, schema.get("oneOf", ())):
            if isinstance(part, dict):
                yield from self.labels(part, where)

    def _is_identity(self, schema: dict[str, Any], where: str) -> bool:
        if "x-identity" in schema or "$ref" not in schema:
            return schema.get("x-identity") is True
        reference = _full(schema["$ref"], where)
        return self._is_identity(self._find(reference), reference)

    def _union(self, schema: dict[str, Any], where: str) -> t.Type:
        tag = _part(schema, "discriminator", dict, where).get("propertyName")
        if not isinstance(tag, str):
            raise InputError(f"the union at `{where}` has no `discriminator`")
        members: list[t.Object] = []
        for at, part in enumerate(_part(schema, "oneOf", list, where)):
            member = self.read(part, f"{where}/oneOf/{at}")
            if not isinstance(member, t.Object) or not _fixes(member, tag):
                raise InputError(f"a member of `{where}` does not fix `{tag}`")
            members.append(member)
        if not members:
            raise InputError(f"the union at `{where}` has no members")
        return t.Union(str(schema.get("title", "union")), tag, tuple(members))


def _full(reference: Any, where: str) -> str:
    """A reference with its file; `where` is the place that it stands at."""
    if not isinstance(reference, str):
        raise InputError(f"`$ref` at `{where}` is not a string")
    if reference.startswith("#"):
        reference = where.partition("#")[0] + reference
    return reference if "#" in reference else f"{reference}#"


def _part(schema: dict[str, Any], key: str, kind: type, where: str) -> Any:
    """What a keyword says, empty if it is not there."""
    found = schema.get(key, kind())
    if not isinstance(found, kind):
        raise InputError(f"`{key}` at `{where}` is not as JSON Schema has it")
    return found


def _fixes(member: t.Object, tag: str) -> bool:
    known = member.field(tag)
    return known is not None and known.required and isinstance(known.type, t.Enum)


def _constants(schema: dict[str, Any], where: str) -> t.Type:
    if "const" in schema:
        values = [schema["const"]]
    else:
        values = _part(schema, "enum", list, where)
    if values and all(isinstance(value, str) for value in values):
        return t.Enum(tuple(sorted(values)))
    raise InputError(f"the constants at `{where}` are not all strings")
