"""What JSON Schemas say in words: of rule files by path, of inputs by type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine import types as t

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opensoc_engine.policy.schema_validator import SchemaStore

_DEEPEST = 32

_Shape: TypeAlias = tuple[str, frozenset[str]]
Step: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class SchemaPlace:
    """A schema with the file that its references start from.

    Attributes:
        name: The last step of its place, which names a type that has no title.
    """

    schema: Mapping[str, Any]
    file: str
    store: SchemaStore = field(repr=False)
    name: str = ""

    @property
    def description(self) -> str:
        """What the schema says in words."""
        return str(self.schema.get("description", ""))

    @property
    def choices(self) -> tuple[str, ...]:
        """The constants that it allows, if it names them."""
        found = self.schema.get("enum", [self.schema.get("const")])
        values = found if isinstance(found, list) else []
        return tuple(value for value in values if isinstance(value, str))

    @property
    def properties(self) -> Mapping[str, Any]:
        """The schemas of its keys."""
        found = self.schema.get("properties")
        return found if isinstance(found, dict) else {}

    def key(self, name: str) -> SchemaPlace | None:
        """The schema of a key's value."""
        found = self.properties.get(name, self.schema.get("additionalProperties"))
        return self._resolved(found, name)

    def items(self) -> SchemaPlace | None:
        """The schema of a list's items."""
        return self._resolved(self.schema.get("items"), "items")

    def branches(self) -> Iterator[SchemaPlace]:
        """Itself, or the branches that a value may follow."""
        parts = self.schema.get("oneOf")
        if not isinstance(parts, list):
            yield self
            return
        for at, part in enumerate(parts):
            place = self._resolved(part, str(at))
            if place is not None:
                yield place

    def _resolved(self, schema: Any, name: str) -> SchemaPlace | None:
        """The place that a schema is, behind its references."""
        file, words = self.file, ""
        for _ in range(_DEEPEST):
            if not isinstance(schema, dict):
                return None
            words = words or str(schema.get("description", ""))
            reference = schema.get("$ref")
            if not isinstance(reference, str):
                said = {**schema, "description": words} if words else schema
                return SchemaPlace(said, file, self.store, name)
            target, _, pointer = reference.partition("#")
            file = target or file
            name = pointer.rpartition("/")[2] or f"{file}#"
            schema = self.store.documents.get(file)
            for step in filter(None, pointer.split("/")):
                schema = schema.get(step) if isinstance(schema, dict) else None
        return None


def root_place(file: str, store: SchemaStore) -> SchemaPlace | None:
    """The whole schema of a file."""
    schema = store.documents.get(file)
    return (
        SchemaPlace(schema, file, store, f"{file}#")
        if isinstance(schema, dict)
        else None
    )


def follow(
    place: SchemaPlace, path: tuple[Step, ...], value: Any = None
) -> tuple[SchemaPlace, ...]:
    """The schemas of the value at a path; several where it may follow branches.

    Args:
        place: The schema to start from.
        path: Keys and indexes.
        value: The plain value of `place`, whose tag chooses among branches.
    """
    fitting = tuple(b for b in place.branches() if _may_fit(place, b, value))
    if not path:
        return fitting
    found: list[SchemaPlace] = []
    for branch in fitting:
        step = path[0]
        inner = branch.items() if isinstance(step, int) else branch.key(step)
        if inner is not None:
            found += follow(inner, path[1:], _part(value, step))
    return tuple(found)


def _part(value: Any, step: Step) -> Any:
    if isinstance(value, dict) and isinstance(step, str):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def _may_fit(union: SchemaPlace, branch: SchemaPlace, value: Any) -> bool:
    """False if the value's tag is that of another branch."""
    said = union.schema.get("discriminator")
    tag = said.get("propertyName") if isinstance(said, dict) else None
    if not isinstance(value, dict) or tag not in value:
        return True
    own = branch.key(str(tag))
    return own is None or value[tag] in own.choices


@dataclass(frozen=True, slots=True)
class FieldWords:
    """The descriptions of the fields of an input, by the shape of their object."""

    _words: Mapping[_Shape, Mapping[str, str]]

    def of(self, base: t.Type, name: str) -> str:
        """What the schema says about a field of a type; empty if nothing."""
        members = base.members if isinstance(base, t.Union) else (base,)
        for member in members:
            if isinstance(member, t.Object):
                shape = (member.title, frozenset(item.name for item in member.fields))
                words = self._words.get(shape, {}).get(name)
                if words:
                    return words
        return ""


def field_words(file: str, store: SchemaStore) -> FieldWords:
    """The descriptions in a schema and in all that it refers to."""
    words: dict[_Shape, dict[str, str]] = {}
    root = root_place(file, store)
    waiting = [] if root is None else [(root, 0)]
    seen: set[tuple[int, str]] = set()
    while waiting:
        place, depth = waiting.pop()
        title = str(place.schema.get("title") or place.name)
        if (id(place.properties), title) in seen or depth > _DEEPEST:
            continue
        if place.properties:
            seen.add((id(place.properties), title))
        inner = {key: part for key in place.properties if (part := place.key(key))}
        said = {key: part.description for key, part in inner.items()}
        words.setdefault((title, frozenset(place.properties)), {}).update(said)
        item = place.items()
        parts = [*inner.values(), *([item] if item else [])]
        parts += place.branches() if "oneOf" in place.schema else ()
        waiting += [(part, depth + 1) for part in parts]
    return FieldWords(words)
