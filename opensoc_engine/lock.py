"""Versions and digests of rule files, and what differs from those that are locked.

The digest is over the parsed content without its version: bodies count by what they
say, so comments, formatting and the order of keys change nothing. Whatever else changes
needs a higher version. No file is read or written here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from opensoc_engine.diagnostics import DiagnosticCollector, diagnose
from opensoc_engine.policy import node_access as take
from opensoc_engine.policy.bodies import Text, rego_scalars
from opensoc_engine.policy.yaml_reader import MappingNode, SequenceNode, read_yaml
from opensoc_engine.rego.parser import parse_body, parse_expression, parse_head
from opensoc_engine.rego.printer import print_body, print_expression, print_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.policy.schema_validator import SchemaStore
    from opensoc_engine.policy.yaml_reader import Node, ScalarNode
    from opensoc_engine.source import Source, Span

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Content:
    """What a file says now.

    Attributes:
        file: Its path from the rules folder, such as `verifier/phishing.yaml`.
        place: Where its version stands.
        is_draft: True if its status is `experimental`.
    """

    file: str
    version: str
    digest: str
    place: Span
    is_draft: bool


@dataclass(frozen=True, slots=True)
class Locked:
    """What a file said when it was locked; `place` is in the lock file."""

    version: str
    digest: str
    place: Span


def content_of(file: str, source: Source) -> Content:
    """The content of a file that fits its schema."""
    node = take.shaped(read_yaml(source, DiagnosticCollector()), MappingNode)
    version = take.name(node, "version")
    return Content(
        file,
        version.text,
        _digest(node),
        version.span,
        take.text_or_none(node, "status") == "experimental",
    )


def parse_lock(
    source: Source, store: SchemaStore, collector: DiagnosticCollector
) -> dict[str, Locked] | None:
    """What is locked, by file; None if that can't be read, which is then reported."""
    node = take.read_mapping(source, "lock.schema.json", store, collector)
    if node is None:
        return None
    files = take.shaped(node.get("files"), MappingNode)
    return {key.text: _locked(key, item) for key, item in files.items}


def print_lock(contents: Iterable[Content]) -> str:
    """The lock file: one line a file, by path, so that two branches merge well."""
    lines = (
        f"    {json.dumps(item.file)}: "
        + json.dumps({"version": item.version, "digest": item.digest})
        for item in sorted(contents, key=lambda item: item.file)
    )
    files = ",\n".join(lines)
    return f'{{\n  "format": {FORMAT},\n  "files": {{\n{files}\n  }}\n}}\n'


def unraised(
    locked: Mapping[str, Locked], contents: Iterable[Content]
) -> Iterator[Diagnostic]:
    """Files that changed without a higher version: these can't even be locked."""
    for item in contents:
        before = locked.get(item.file)
        if before is not None:
            yield from _unraised(item, before)


def unlocked(
    locked: Mapping[str, Locked], contents: Iterable[Content]
) -> Iterator[Diagnostic]:
    """Files whose content is not the locked one, though their version is higher.

    A draft that was never locked may change freely.
    """
    for item in contents:
        before = locked.get(item.file)
        if before is None and not item.is_draft:
            yield _not_locked(item.place, f"`{item.file}` is not in the lock file")
        elif before is not None and _is_raised(item, before):
            problem = f"`{item.file}` {item.version} is not in the lock file"
            yield _not_locked(item.place, problem)


def removed(
    locked: Mapping[str, Locked], contents: Iterable[Content]
) -> Iterator[Diagnostic]:
    """Files that are locked and not there."""
    present = {item.file for item in contents}
    for file, before in locked.items():
        if file not in present:
            problem = f"`{file}` is locked, but there is no such file"
            yield _not_locked(before.place, problem, "restore it, or ")


def _unraised(item: Content, before: Locked) -> Iterator[Diagnostic]:
    now, then = _order(item.version), _order(before.version)
    if now < then:
        problem = f"version {item.version} is lower than the locked {before.version}"
        advice = f"write a version above {before.version}"
    elif now == then and item.digest != before.digest:
        problem = f"`{item.file}` changed, but its version is still {item.version}"
        patch = f"{then[0]}.{then[1]}.{then[2] + 1}"
        advice = f"raise `version` to {patch} or more, then run `opensoc lock`"
    else:
        return
    yield diagnose("E611", item.place, help=advice, problem=problem)


def _not_locked(place: Span, problem: str, before: str = "") -> Diagnostic:
    advice = f"{before}run `opensoc lock`"
    return diagnose("E611", place, help=advice, problem=problem)


def _is_raised(item: Content, before: Locked) -> bool:
    changed = item.digest != before.digest
    return changed and _order(item.version) > _order(before.version)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _locked(key: ScalarNode, node: Node) -> Locked:
    entry = take.shaped(node, MappingNode)
    return Locked(take.text(entry, "version"), take.text(entry, "digest"), key.span)


def _digest(node: MappingNode) -> str:
    canonical = {
        id(scalar): _canonical(scalar, kind) for scalar, kind in rego_scalars(node)
    }
    items = tuple(item for item in node.items if item[0].text != "version")
    value = _value(MappingNode(items, node.span), canonical)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _canonical(scalar: ScalarNode, kind: Text) -> str:
    """A text of Rego as the printer writes it, or as it is if it can't be parsed."""
    nowhere = DiagnosticCollector()
    embedded = take.embedded(scalar)
    match kind:
        case Text.HEAD:
            head = parse_head(embedded, nowhere)
            return scalar.text if head is None else print_head(head)
        case Text.BODY:
            body = parse_body(embedded, nowhere)
            return scalar.text if body is None else print_body(body)
        case Text.EXPRESSION:
            expression = parse_expression(embedded, nowhere)
            return scalar.text if expression is None else print_expression(expression)


def _value(node: Node, canonical: Mapping[int, str]) -> Any:
    """The tree as JSON values, in which no two different values look the same."""
    if isinstance(node, MappingNode):
        return {
            canonical.get(id(key), key.text): _value(item, canonical)
            for key, item in node.items
        }
    if isinstance(node, SequenceNode):
        return [_value(item, canonical) for item in node.items]
    if id(node) in canonical:
        return f"text {canonical[id(node)]}"
    return _scalar(node.value)


def _scalar(value: str | int | Decimal | bool | None) -> str | bool | None:
    match value:
        case bool() | None:
            return value
        case str():
            return f"text {value}"
        case Decimal():
            return f"decimal {value.normalize()}"
        case _:
            return f"integer {value}"
