"""A JSON Schema becomes one function that says whether a document fits it.

Only the yes is of use: a refused document goes to `schema_validator`, which says why.
An incident of eight events takes it 0.2 ms and the library 2 ms, which matters at the
border of the environment. Only the keywords that our schemas use are known; a schema
with any other has no acceptor. `tests/property/test_schema_acceptor.py` holds it to
the library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine.policy.schema_formats import has_format, is_text, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Accept: TypeAlias = "Callable[[Any], bool]"

_NOTES = frozenset(
    {
        "$schema",
        "$defs",
        "$comment",
        "title",
        "description",
        "examples",
        "default",
        "deprecated",
        "discriminator",
        "x-trust",
        "x-identity",
    }
)
_TEXT = frozenset({"minLength", "maxLength", "pattern", "format"})
_NUMBER = frozenset({"minimum", "maximum"})
_ARRAY = frozenset({"items", "minItems", "maxItems"})
_OBJECT = frozenset(
    {
        "properties",
        "required",
        "additionalProperties",
        "minProperties",
        "maxProperties",
    }
)
_ALONE = frozenset({"$ref", "type", "enum", "const", "oneOf"})
_KNOWN = _NOTES | _TEXT | _NUMBER | _ARRAY | _OBJECT | _ALONE
_UNBOUNDED = float("inf")


class UnknownKeywordError(Exception):
    """The schema says something that has no acceptor."""


def is_number(value: Any) -> bool:
    """True for finite numbers; booleans are none."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """True for integers; `true` and `3.0` are none."""
    return isinstance(value, int) and not isinstance(value, bool)


TYPES: Mapping[str, Accept] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": is_text,
    "integer": is_integer,
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def build_acceptor(name: str, documents: Mapping[str, Any]) -> Accept | None:
    """The acceptor of a schema file, or None if it uses a keyword that has none."""
    try:
        return _Builder(documents).follow(f"{name}#")
    except UnknownKeywordError:
        return None


@dataclass(slots=True)
class _Builder:
    """Builds acceptors; each `$ref` is built once."""

    documents: Mapping[str, Any]
    known: dict[str, Accept] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)

    def follow(self, reference: str) -> Accept:
        """The acceptor of a full reference, `file#/pointer`."""
        if reference in self.open:
            return self._later(reference)
        if reference not in self.known:
            self.open.add(reference)
            file, _, pointer = reference.partition("#")
            self.known[reference] = self.build(self._find(file, pointer), file)
            self.open.discard(reference)
        return self.known[reference]

    def _later(self, reference: str) -> Accept:
        """The acceptor of a schema that is still being built: it contains itself."""

        def accept(value: Any) -> bool:
            return self.known[reference](value)

        return accept

    def _find(self, file: str, pointer: str) -> Any:
        steps = [step for step in pointer.split("/") if step]
        try:
            return reduce(lambda node, step: node[step], steps, self.documents[file])
        except (KeyError, TypeError):
            raise UnknownKeywordError(pointer) from None

    def build(self, schema: Any, file: str) -> Accept:
        """The acceptor of a schema that stands in `file`."""
        if not isinstance(schema, dict) or not schema.keys() <= _KNOWN:
            raise UnknownKeywordError(file)
        parts = tuple(self._parts(schema, file))
        if len(parts) == 1:
            return parts[0]
        return lambda value: all(part(value) for part in parts)

    def _parts(self, schema: dict[str, Any], file: str) -> Iterator[Accept]:
        if "type" in schema:
            yield _typed(schema["type"])
        if "$ref" in schema:
            target = schema["$ref"]
            full = f"{file}{target}" if target.startswith("#") else target
            yield self.follow(full if "#" in full else f"{full}#")
        if "const" in schema or "enum" in schema:
            yield _constant(schema)
        if schema.keys() & _TEXT:
            yield _text(schema)
        if schema.keys() & _NUMBER:
            yield _number(schema)
        if schema.keys() & _ARRAY:
            yield self._array(schema, file)
        if schema.keys() & _OBJECT:
            yield self._object(schema, file)
        if "oneOf" in schema:
            yield self._one_of(schema, file)

    def _array(self, schema: dict[str, Any], file: str) -> Accept:
        least, most = schema.get("minItems", 0), schema.get("maxItems", _UNBOUNDED)
        item = self.build(schema.get("items", {}), file)

        def accept(value: Any) -> bool:
            return not isinstance(value, list) or (
                least <= len(value) <= most and all(map(item, value))
            )

        return accept

    def _object(self, schema: dict[str, Any], file: str) -> Accept:
        required = frozenset(schema.get("required", ()))
        least = schema.get("minProperties", 0)
        most = schema.get("maxProperties", _UNBOUNDED)
        properties = schema.get("properties", {})
        parts = {name: self.build(part, file) for name, part in properties.items()}
        more = schema.get("additionalProperties", True)
        rest = _always(more) if isinstance(more, bool) else self.build(more, file)

        def accept(value: Any) -> bool:
            if not isinstance(value, dict):
                return True
            if not required <= value.keys() or not least <= len(value) <= most:
                return False
            return all(parts.get(key, rest)(item) for key, item in value.items())

        return accept

    def _one_of(self, schema: dict[str, Any], file: str) -> Accept:
        branches = [self.build(branch, file) for branch in schema["oneOf"]]
        tag = tag_name(schema)
        table = tagged_branches(schema) if tag else None
        if table is None:
            return lambda value: sum(branch(value) for branch in branches) == 1
        chosen = {text: branches[at] for text, at in table.items()}

        def accept(value: Any) -> bool:
            text = value.get(tag) if isinstance(value, dict) else None
            branch = chosen.get(text) if isinstance(text, str) else None
            return branch is not None and branch(value)

        return accept


def tag_name(schema: Mapping[str, Any]) -> str | None:
    """The property that tells the branches of a `oneOf` apart, if it is declared."""
    name = schema.get("discriminator", {}).get("propertyName")
    return name if isinstance(name, str) else None


def tagged_branches(schema: Mapping[str, Any]) -> dict[str, int] | None:
    """For each value of the discriminator, the branch that requires it.

    None if a branch does not fix the discriminator, or two fix the same value.
    """
    tag = tag_name(schema)
    table: dict[str, int] = {}
    for at, branch in enumerate(schema["oneOf"]):
        fixed = branch.get("properties", {}).get(tag, {})
        values = [fixed["const"]] if "const" in fixed else fixed.get("enum", [])
        if not values or tag not in branch.get("required", ()):
            return None
        if any(not isinstance(v, str) or v in table for v in values):
            return None
        table.update(dict.fromkeys(values, at))
    return table


def _always(answer: bool) -> Accept:
    return lambda _value: answer


def _typed(names: str | list[str]) -> Accept:
    if isinstance(names, str):
        return TYPES[names]
    checks = [TYPES[name] for name in names]
    return lambda value: any(check(value) for check in checks)


def _constant(schema: dict[str, Any]) -> Accept:
    values = [schema["const"]] if "const" in schema else schema["enum"]
    if "const" in schema and "enum" in schema:
        raise UnknownKeywordError("const beside enum")
    if not all(isinstance(value, str) for value in values):
        raise UnknownKeywordError("constants that are not text")
    allowed = frozenset(values)
    return lambda value: isinstance(value, str) and value in allowed


def _text(schema: dict[str, Any]) -> Accept:
    least, most = schema.get("minLength", 0), schema.get("maxLength", _UNBOUNDED)
    pattern, form = schema.get("pattern"), schema.get("format")

    def accept(value: Any) -> bool:
        return not isinstance(value, str) or (
            least <= len(value) <= most
            and (form is None or has_format(form, value))
            and (pattern is None or matches(pattern, value))
        )

    return accept


def _number(schema: dict[str, Any]) -> Accept:
    least = schema.get("minimum", -_UNBOUNDED)
    most = schema.get("maximum", _UNBOUNDED)
    return lambda value: not is_number(value) or least <= value <= most
