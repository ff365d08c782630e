"""A rule file becomes the same file in canonical form.

What comes out says what went in and has all its comments: that is checked before it is
returned. A file with a form that can't be written again comes back as it was, with the
reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.policy.bodies import Text, rego_scalars
from opensoc_engine.policy.key_order import KeyOrder
from opensoc_engine.policy.trivia import KeepError, comments
from opensoc_engine.policy.yaml_reader import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    read_yaml,
    to_plain,
)
from opensoc_engine.policy.yaml_writer import write_yaml
from opensoc_engine.rego.formatter import format_body, format_expression, format_line
from opensoc_engine.source import Source

if TYPE_CHECKING:
    from opensoc_engine.policy.schema_validator import SchemaStore
    from opensoc_engine.policy.yaml_reader import Node

# The first key of a file says what it is.
_SCHEMAS = {
    "policy": "policy.schema.json",
    "set": "set.schema.json",
    "list": "list.schema.json",
    "cases": "cases.schema.json",
}


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text in canonical form; or as it was, and then `kept` says why."""

    text: str
    kept: str = ""


def format_source(
    source: Source, store: SchemaStore, collector: DiagnosticCollector
) -> Formatted | None:
    """The canonical text of a file; None if it can't be read, which is reported."""
    root = read_yaml(source, collector)
    if root is None:
        return None
    if not isinstance(root, MappingNode):
        return Formatted(source.text, "it is not a mapping")
    replaced = _bodies(root)
    try:
        text = write_yaml(source.text, root, _order(root, store), replaced)
    except KeepError as error:
        return Formatted(source.text, str(error))
    if not _is_same(source, root, text, replaced):
        return Formatted(source.text, "it is written in a rare way")
    return Formatted(text)


def _order(root: MappingNode, store: SchemaStore) -> KeyOrder:
    names = (name for key, name in _SCHEMAS.items() if root.get(key) is not None)
    schema = store.documents.get(next(names, ""), {})
    return KeyOrder(schema, schema)


def _bodies(root: MappingNode) -> dict[int, str]:
    """The canonical text of each body that has one and differs from it."""
    replaced = {}
    for scalar, kind in rego_scalars(root):
        text = None if kind is Text.HEAD else _body(scalar, kind)
        if text is not None and text != scalar.text:
            replaced[id(scalar)] = text
    return replaced


def _body(scalar: ScalarNode, kind: Text) -> str | None:
    style = scalar.span.text[:1]
    if style == "|":
        return _block(scalar.text) if kind is Text.BODY else None
    if style in (">", '"', "'") or "\n" in scalar.span.text:
        return None
    text = (
        format_line(scalar.text)
        if kind is Text.BODY
        else format_expression(scalar.text)
    )
    return text if text is not None and _is_plain(text) else None


def _block(text: str) -> str | None:
    """The canonical lines of a body, with a newline at the end if it has one now."""
    formatted = format_body(text)
    if formatted is None or text.endswith("\n"):
        return formatted
    return formatted.removesuffix("\n")


def _is_plain(text: str) -> bool:
    """True if a text needs no quotes in YAML."""
    node = read_yaml(Source("", f"key: {text}"), DiagnosticCollector())
    return node is not None and to_plain(node) == {"key": text}


def _is_same(
    source: Source, root: MappingNode, text: str, replaced: dict[int, str]
) -> bool:
    """True if a text says what the file says, and has its comments."""
    again = read_yaml(Source(source.name, text), DiagnosticCollector())
    return (
        again is not None
        and _meaning(again, {}) == _meaning(root, replaced)
        and comments(text, again) == comments(source.text, root)
    )


def _meaning(node: Node, replaced: dict[int, str]) -> Any:
    """The values of a tree, with their types."""
    if isinstance(node, MappingNode):
        return {key.text: _meaning(item, replaced) for key, item in node.items}
    if isinstance(node, SequenceNode):
        return [_meaning(item, replaced) for item in node.items]
    value = replaced.get(id(node), node.value)
    return (type(value).__name__, value)
