"""The tree of a YAML text: every key and value knows its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from opensoc_engine.policy.yaml_scalars import Scalar
    from opensoc_engine.source import EmbeddedSource, Span

# How deep lists and mappings may nest.
MAX_DEPTH = 64

Node: TypeAlias = "ScalarNode | SequenceNode | MappingNode"


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A single value.

    Attributes:
        embedded: For text, the map from its characters to the file.
    """

    value: Scalar
    span: Span
    embedded: EmbeddedSource | None = None

    @property
    def text(self) -> str:
        """The value as text; keys are always text."""
        return self.value if isinstance(self.value, str) else str(self.value)


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class MappingNode:
    """Keys, always text, and their values in the order of the file."""

    items: tuple[tuple[ScalarNode, Node], ...]
    span: Span

    def get(self, key: str) -> Node | None:
        """The value of a key, or None."""
        return next((item for name, item in self.items if name.text == key), None)

    def key(self, key: str) -> ScalarNode | None:
        """The key itself, with its place, or None."""
        return next((name for name, _ in self.items if name.text == key), None)


def to_plain(node: Node) -> Any:
    """The values of a tree: dicts, lists and scalars; fractions are decimals."""
    if isinstance(node, MappingNode):
        return {key.text: to_plain(item) for key, item in node.items}
    if isinstance(node, SequenceNode):
        return [to_plain(item) for item in node.items]
    return node.value
