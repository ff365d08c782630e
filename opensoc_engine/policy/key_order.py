"""The order of a file's keys: the order in which its JSON Schema lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """A place in a schema; `root` is the whole schema, which references lead into."""

    schema: Mapping[str, Any]
    root: Mapping[str, Any]

    def rank(self, key: str) -> int:
        """The place of a key; keys that the schema does not list come last."""
        properties = list(self.schema.get("properties", ()))
        return properties.index(key) if key in properties else len(properties)

    def value(self, key: str) -> KeyOrder:
        """The order inside the value of a key."""
        return self._at(self.schema.get("properties", {}).get(key))

    def items(self) -> KeyOrder:
        """The order inside the items of a list."""
        return self._at(self.schema.get("items"))

    def _at(self, schema: Any) -> KeyOrder:
        found = schema
        if isinstance(found, dict) and str(found.get("$ref", "")).startswith("#/"):
            target: Any = self.root
            for step in found["$ref"][2:].split("/"):
                target = target.get(step) if isinstance(target, dict) else None
            found = target
        return KeyOrder(found if isinstance(found, dict) else {}, self.root)
