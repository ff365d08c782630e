"""YAML text becomes a tree in which every key and value knows its place.

A strict subset of YAML 1.2: no tags, anchors, aliases, merge keys, directives or
several documents, and no key twice. Built from the parser's events, never from its own
tree, so that size and depth are bounded whatever the text is. Every text gives a tree
or diagnostics, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from opensoc_engine.diagnostics import DiagnosticCollector, Label, diagnose
from opensoc_engine.policy.yaml_errors import explain_error, hidden_character
from opensoc_engine.policy.yaml_nodes import (
    MAX_DEPTH,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    to_plain,
)
from opensoc_engine.policy.yaml_scalars import Scalar, ScalarError, plain_value
from opensoc_engine.source import MAX_BYTES, EmbeddedSource, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.source import Source

# Ten times the largest list that ships; a second's work.
MAX_NODES = 50_000
# More of the same helps nobody, and a hostile file could hold a hundred thousand.
_MAX_REPORTS = 50

# The C parser is ten times faster; both give the same events.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

__all__ = ["MappingNode", "Node", "ScalarNode", "SequenceNode", "read_yaml", "to_plain"]


def read_yaml(source: Source, collector: DiagnosticCollector) -> Node | None:
    """The tree of a text, or None if anything in it was refused."""
    found = DiagnosticCollector()
    node = _read(source, found)
    collector.extend(found.sorted())
    return None if found.has_errors else node


def _read(source: Source, collector: DiagnosticCollector) -> Node | None:
    refused = _too_large(source) or hidden_character(source)
    if refused is not None:
        collector.add(refused)
        return None
    events = yaml.parse(source.text, Loader=_LOADER)
    reader = _Reader(source, iter(events), collector)
    try:
        return reader.document()
    except yaml.YAMLError as error:
        collector.add(explain_error(error, source))
    except _LimitError as error:
        collector.add(error.found)
    return None


def _too_large(source: Source) -> Diagnostic | None:
    text = source.text
    if len(text) <= MAX_BYTES // 4 or (
        len(text) <= MAX_BYTES
        and len(text.encode("utf-8", "surrogatepass")) <= MAX_BYTES
    ):
        return None
    return diagnose("E105", Span(source, 0, 0), limit=MAX_BYTES)


class _LimitError(Exception):
    """The text nests deeper, or holds more, than is allowed."""

    def __init__(self, found: Diagnostic) -> None:
        super().__init__(found.message)
        self.found = found


@dataclass(slots=True)
class _Reader:
    """Builds nodes from events.

    Attributes:
        depth: How many collections are open.
        nodes: How many keys and values were met.
        reports: How much was found to be wrong.
    """

    source: Source
    events: Iterator[Any]
    collector: DiagnosticCollector
    depth: int = 0
    nodes: int = 0
    reports: int = 0

    def document(self) -> Node | None:
        """The node of the only document."""
        next(self.events)
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            self._report(diagnose("E106", Span(self.source, 0, 0)))
            return None
        if start.version or start.tags:
            self._refuse("directives", self._span(start))
        node = self._node(next(self.events))
        next(self.events)
        after = next(self.events)
        if isinstance(after, yaml.DocumentStartEvent):
            self._refuse("several documents", self._span(after))
        return node

    def _node(self, event: Any) -> Node:
        self._count(event)
        self._refuse_features(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.AliasEvent):
            return ScalarNode(None, self._span(event))
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _LimitError(diagnose("E104", self._at(event), limit=MAX_DEPTH))
        is_list = isinstance(event, yaml.SequenceStartEvent)
        node = self._sequence(event) if is_list else self._mapping(event)
        self.depth -= 1
        return node

    def _count(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            problem = f"more than {MAX_NODES} keys and values"
            raise _LimitError(diagnose("E701", self._at(event), problem=problem))

    def _refuse_features(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._refuse("aliases", self._span(event))
        elif event.anchor is not None:
            self._refuse("anchors", self._span(event))
        elif event.tag is not None:
            self._refuse("tags", self._span(event))

    def _sequence(self, start: Any) -> SequenceNode:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event))
        last = items[-1] if items else None
        return SequenceNode(tuple(items), self._extent(start, event, last))

    def _mapping(self, start: Any) -> MappingNode:
        items: list[tuple[ScalarNode, Node]] = []
        seen: dict[str, Span] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event)
            items.append((key, self._node(next(self.events))))
            first = seen.setdefault(key.text, key.span)
            if first is not key.span:
                others = (Label(first, "first written here"),)
                words = {"key": key.text}
                self._report(diagnose("E102", key.span, others=others, **words))
        last = items[-1][1] if items else None
        return MappingNode(tuple(items), self._extent(start, event, last))

    def _key(self, event: Any) -> ScalarNode:
        if not isinstance(event, yaml.ScalarEvent):
            span = self._node(event).span
            self._refuse("lists, mappings and aliases as keys", span)
            return ScalarNode(f"<{span.start}>", span)
        self._count(event)
        self._refuse_features(event)
        span = self._scalar_span(event)
        is_plain = bool(event.implicit[0])
        if is_plain and event.value == "<<":
            self._refuse("merge keys", span)
        if is_plain and not event.value:
            problem = "a key is missing before `:`"
            self._report(diagnose("E101", span, problem=problem))
        return ScalarNode(event.value, span, self._embedded(event, span))

    def _scalar(self, event: Any) -> ScalarNode:
        span = self._scalar_span(event)
        value: Scalar = event.value
        if event.implicit[0]:
            try:
                value = plain_value(event.value)
            except ScalarError as error:
                found = diagnose("E101", span, help=error.help, problem=str(error))
                self._report(found)
        if isinstance(value, str):
            return ScalarNode(value, span, self._embedded(event, span))
        return ScalarNode(value, span)

    def _embedded(self, event: Any, span: Span) -> EmbeddedSource:
        offsets = (
            _block_offsets(event.value, span)
            if event.style == "|"
            else _line_offsets(event.value, span)
        )
        return EmbeddedSource(self.source, event.value, offsets, span)

    def _scalar_span(self, event: Any) -> Span:
        span = self._span(event)
        if event.style not in ("|", ">"):
            return span
        return Span(self.source, span.start, span.start + len(span.text.rstrip()))

    def _extent(self, start: Any, end: Any, last: Node | None) -> Span:
        """Where a collection stands; one without brackets ends with its last child."""
        begin = start.start_mark.index
        if start.flow_style:
            return Span(self.source, begin, end.end_mark.index)
        return Span(self.source, begin, last.span.end if last else begin)

    def _span(self, event: Any) -> Span:
        return Span(self.source, event.start_mark.index, event.end_mark.index)

    def _at(self, event: Any) -> Span:
        start = event.start_mark.index
        return Span(self.source, start, start + 1)

    def _refuse(self, feature: str, span: Span) -> None:
        self._report(diagnose("E103", span, feature=feature))

    def _report(self, found: Diagnostic) -> None:
        self.reports += 1
        if self.reports <= _MAX_REPORTS:
            self.collector.add(found)


def _line_offsets(value: str, span: Span) -> tuple[int, ...]:
    """The offset of text on one line without escapes; empty if it is otherwise."""
    written = span.text
    if written == value:
        return (span.start,)
    return (span.start + 1,) if written[1:-1] == value else ()


def _block_offsets(value: str, span: Span) -> tuple[int, ...]:
    """The offset of each line of a literal block, checked character by character."""
    lines = value.removesuffix("\n").split("\n")
    start = span.source.text.find("\n", span.start) + 1
    if not value or not start:
        return ()
    bounds = _line_bounds(span.source.text, start, len(lines))
    indent = next(
        (
            end - begin - len(line)
            for line, (begin, end) in zip(lines, bounds, strict=True)
            if line
        ),
        0,
    )
    offsets = tuple(min(begin + indent, end) for begin, end in bounds)
    return offsets if _is_exact(lines, offsets, bounds, span.source.text) else ()


def _line_bounds(text: str, start: int, count: int) -> list[tuple[int, int]]:
    """Start and end of the `count` lines from `start` on, without their newlines."""
    bounds = []
    for _ in range(count):
        feed = text.find("\n", start)
        end = feed if feed >= 0 else len(text)
        bounds.append((start, end - 1 if text[start:end].endswith("\r") else end))
        start = end + 1
    return bounds


def _is_exact(
    lines: list[str],
    offsets: tuple[int, ...],
    bounds: list[tuple[int, int]],
    text: str,
) -> bool:
    return all(
        text[offset:end] == line
        for line, offset, (_, end) in zip(lines, offsets, bounds, strict=True)
    )
