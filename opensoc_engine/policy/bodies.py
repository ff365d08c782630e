"""Where Rego stands in the tree of a policy or a manifest."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from opensoc_engine.policy.yaml_reader import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.policy.yaml_reader import Node


class Text(Enum):
    """What a scalar of Rego is."""

    HEAD = auto()
    BODY = auto()
    EXPRESSION = auto()


def rego_scalars(root: Node) -> Iterator[tuple[ScalarNode, Text]]:
    """Each scalar of a file that holds Rego: keys and values of `define`, and rules.

    Files of other kinds have no such keys, and give nothing.
    """
    if not isinstance(root, MappingNode) or not _has_bodies(root):
        return
    define = root.get("define")
    for key, value in define.items if isinstance(define, MappingNode) else ():
        yield key, Text.HEAD
        yield from _bodies(value)
    rules = root.get("rules")
    for rule in rules.items if isinstance(rules, SequenceNode) else ():
        if isinstance(rule, MappingNode):
            yield from _bodies(rule.get("when"))
            added = rule.get("value")
            if isinstance(added, ScalarNode) and isinstance(added.value, str):
                yield added, Text.EXPRESSION


def _has_bodies(root: MappingNode) -> bool:
    return root.get("policy") is not None or root.get("set") is not None


def _bodies(node: Node | None) -> Iterator[tuple[ScalarNode, Text]]:
    items = node.items if isinstance(node, SequenceNode) else (node,)
    for item in items:
        if isinstance(item, ScalarNode) and isinstance(item.value, str):
            yield item, Text.BODY
