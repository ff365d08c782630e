"""JSON Schemas and list values become types, with the trust labels of the schemas.

Only the part of JSON Schema that policies can use has a type; anything else is an
`InputError` that names the place in the schema. `$ref` may lead into a sibling file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t
from opensoc_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    return _Reader(documents).follow(f"{name}#")


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
        fields = (t.Field(str(key), value_type(item)) for key, item in value.items())
        return t.Object("list", tuple(fields))
    if isinstance(value, list | tuple):
        return t.Array(_element_type(value))
    raise InputError(
        f"`{value}` has no type in policies: use text, numbers or booleans"
    )


def _element_type(values: list[Any] | tuple[Any, ...]) -> t.Type:
    kinds = dict.fromkeys(value_type(value) for value in values)
    found: t.Type | None = t.Never()
    for kind in kinds:
        found = t.join(found, kind) if found is not None else None
    if found is None:
        raise InputError("the values of an array must have one type")
    return found


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
        if "$ref" in schema:
            return self._reference(schema["$ref"], where)
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
                return _FORMATS.get(schema.get("format", ""), t.Text())
            case "integer":
                return t.Number(integer=True)
            case "number":
                return t.Number()
            case "boolean":
                return t.Boolean()
        raise InputError(f"the schema at `{where}` has no type that policies know")

    def _reference(self, reference: str, where: str) -> t.Type:
        if reference.startswith("#"):
            reference = where.partition("#")[0] + reference
        return self.follow(reference if "#" in reference else f"{reference}#")

    def _object(self, schema: Any, where: str) -> t.Type:
        more = schema.get("additionalProperties")
        if isinstance(more, dict):
            return t.Map(t.Text(), self.read(more, f"{where}/additionalProperties"))
        required = frozenset(schema.get("required", ()))
        fields = (
            self._field(name, part, name in required, f"{where}/properties/{name}")
            for name, part in schema.get("properties", {}).items()
        )
        title = schema.get("title") or where.rpartition("/")[2]
        return t.Object(title, tuple(fields))

    def _field(self, name: str, schema: Any, required: bool, where: str) -> t.Field:
        labels = self._labels(schema, where)
        kind = self.read(schema, where)
        trust, identity = labels.get("x-trust"), bool(labels.get("x-identity"))
        return t.Field(name, kind, required, trust, identity)

    def _labels(self, schema: Any, where: str) -> dict[str, Any]:
        if "$ref" not in schema:
            return dict(schema)
        reference = schema["$ref"]
        if reference.startswith("#"):
            reference = where.partition("#")[0] + reference
        return {**self._labels(self._find(reference), reference), **schema}

    def _union(self, schema: Any, where: str) -> t.Type:
        tag = schema.get("discriminator", {}).get("propertyName")
        if tag is None:
            raise InputError(f"the union at `{where}` has no `discriminator`")
        members: list[t.Object] = []
        for at, part in enumerate(schema["oneOf"]):
            member = self.read(part, f"{where}/oneOf/{at}")
            if not isinstance(member, t.Object) or not _fixes(member, tag):
                raise InputError(f"a member of `{where}` does not fix `{tag}`")
            members.append(member)
        return t.Union(schema.get("title", "union"), tag, tuple(members))


def _fixes(member: t.Object, tag: str) -> bool:
    known = member.field(tag)
    return known is not None and known.required and isinstance(known.type, t.Enum)


def _constants(schema: Any, where: str) -> t.Type:
    values = [schema["const"]] if "const" in schema else schema["enum"]
    if all(isinstance(value, str) for value in values):
        return t.Enum(tuple(sorted(values)))
    raise InputError(f"the constants at `{where}` are not all strings")
