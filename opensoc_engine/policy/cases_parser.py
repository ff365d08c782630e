"""The tree of a cases file becomes its cases, with the place of each input's part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensoc_engine.policy import node_access as take
from opensoc_engine.policy.model import Case, CasesFile, Expect, Name, Vary
from opensoc_engine.policy.yaml_reader import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    to_plain,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.policy.yaml_reader import Node
    from opensoc_engine.source import Source, Span

CASES_SUFFIX = ".cases.yaml"


def build_cases(node: MappingNode, source: Source) -> CasesFile:
    """The cases of a tree that fits `cases.schema.json`."""
    items = take.shaped(node.get("examples"), SequenceNode).items
    return CasesFile(
        policy=take.name(node, "cases"),
        given=_plain(node, "given"),
        cases=tuple(_case(take.shaped(item, MappingNode)) for item in items),
        source=source,
        places=_places(node, "given"),
    )


def _case(node: MappingNode) -> Case:
    vary = node.get("vary")
    return Case(
        name=take.name(node, "name"),
        rule=take.name_or_none(node, "rule"),
        shows=take.text(node, "is"),
        input=_plain(node, "input"),
        vary=None if vary is None else _vary(take.shaped(vary, MappingNode)),
        expect=_expect(take.shaped(node.get("expect"), MappingNode)),
        span=node.span,
        places=_places(node, "input"),
    )


def _vary(node: MappingNode) -> Vary:
    changes = node.get("set")
    items = () if changes is None else take.shaped(changes, MappingNode).items
    return Vary(
        base=take.name(node, "from"),
        changes=tuple((Name(k.text, k.span), to_plain(item)) for k, item in items),
        removals=take.names(node, "remove"),
    )


def _expect(node: MappingNode) -> Expect:
    return Expect(
        action=take.text_or_none(node, "action"),
        value=take.number(node, "value"),
        fired=_texts_or_none(node, "fired"),
        evidence=_texts_or_none(node, "evidence"),
        span=node.span,
    )


def _texts_or_none(node: MappingNode, key: str) -> tuple[str, ...] | None:
    return None if node.get(key) is None else take.texts(node, key)


def _plain(node: MappingNode, key: str) -> Any:
    found = node.get(key)
    return None if found is None else to_plain(found)


def _places(node: MappingNode, key: str) -> dict[tuple[str | int, ...], Span]:
    """Where each part of a key's value stands, by path; the value itself is `()`."""
    name, found = node.key(key), node.get(key)
    if name is None or found is None:
        return {}
    return {(): name.span, **dict(_parts(found, ()))}


def _parts(
    node: Node, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Span]]:
    """Path and place of every descendant; a collection's place is its key."""
    if isinstance(node, MappingNode):
        for key, item in node.items:
            yield (*path, key.text), _place(item, key.span)
            yield from _parts(item, (*path, key.text))
    elif isinstance(node, SequenceNode):
        for at, item in enumerate(node.items):
            yield (*path, at), _place(item, _first_span(item))
            yield from _parts(item, (*path, at))


def _place(node: Node, otherwise: Span) -> Span:
    is_written = isinstance(node, ScalarNode) and node.span.text
    return node.span if is_written else otherwise


def _first_span(node: Node) -> Span:
    if isinstance(node, MappingNode) and node.items:
        return node.items[0][0].span
    return node.span
