"""Typed access to trees that fit their schema.

The schema has said what stands where, so each function just takes it out. A schema of
the user's own that lets more through is answered by an `InputError`, not a traceback.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from opensoc_engine.errors import InputError
from opensoc_engine.policy.model import Name
from opensoc_engine.policy.schema_validator import validate_node
from opensoc_engine.policy.yaml_reader import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    read_yaml,
)

if TYPE_CHECKING:
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.policy.schema_validator import SchemaStore
    from opensoc_engine.policy.yaml_reader import Node
    from opensoc_engine.source import EmbeddedSource, Source

NodeT = TypeVar("NodeT", ScalarNode, SequenceNode, MappingNode)


def read_mapping(
    source: Source, schema: str, store: SchemaStore, collector: DiagnosticCollector
) -> MappingNode | None:
    """The tree of a text that fits a schema, or None with diagnostics."""
    node = read_yaml(source, collector)
    if node is None or not validate_node(node, schema, store, collector):
        return None
    return shaped(node, MappingNode)


def shaped(node: Node | None, kind: type[NodeT]) -> NodeT:
    """The node, which is of that kind.

    Raises:
        InputError: The schema let something else through.
    """
    if not isinstance(node, kind):
        raise InputError("the schema lets through what the parser can't read")
    return node


def scalar(node: Node | None) -> ScalarNode:
    """The node, which is a scalar."""
    return shaped(node, ScalarNode)


def text(node: MappingNode, key: str) -> str:
    """The text of a key that is required."""
    return scalar(node.get(key)).text


def text_or_none(node: MappingNode, key: str) -> str | None:
    """The text of a key that may be absent."""
    found = node.get(key)
    return None if found is None else scalar(found).text


def name(node: MappingNode, key: str) -> Name:
    """The text of a key that is required, with its place."""
    found = scalar(node.get(key))
    return Name(found.text, found.span)


def name_or_none(node: MappingNode, key: str) -> Name | None:
    """The text of a key that may be absent, with its place."""
    return None if node.get(key) is None else name(node, key)


def names(node: MappingNode, key: str) -> tuple[Name, ...]:
    """The texts of a list, with their places; empty if the key is absent."""
    found = node.get(key)
    items = () if found is None else shaped(found, SequenceNode).items
    return tuple(Name(scalar(item).text, item.span) for item in items)


def texts(node: MappingNode, key: str) -> tuple[str, ...]:
    """The texts of a list; empty if the key is absent."""
    return tuple(item.text for item in names(node, key))


def number(node: MappingNode, key: str) -> Decimal | None:
    """The number of a key, or None if the key is absent or holds something else."""
    found = node.get(key)
    value = found.value if isinstance(found, ScalarNode) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def embedded(node: Node | None) -> EmbeddedSource:
    """The text of a scalar as a source of its own."""
    found = scalar(node).embedded
    if found is None:
        raise InputError("the schema lets through what the parser can't read")
    return found


def embedded_list(node: Node | None) -> tuple[EmbeddedSource, ...]:
    """A text, or a list of texts, as sources of their own."""
    items = node.items if isinstance(node, SequenceNode) else (node,)
    return tuple(embedded(item) for item in items)
