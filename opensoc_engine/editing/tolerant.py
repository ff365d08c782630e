"""A half-written file becomes as much of a policy or manifest as can be read of it.

Lines that stop the YAML reader are read as blank ones, and keys that are missing or
have another shape are read as empty, so every place keeps its offset. What comes out is
for answers to an editor only: nothing that decides is built from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.policy.model import Define, Manifest, Name, Policy, Rule
from opensoc_engine.policy.yaml_reader import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    read_yaml,
    to_plain,
)
from opensoc_engine.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from opensoc_engine.policy.yaml_reader import Node
    from opensoc_engine.source import EmbeddedSource, Span

# Lines that may be blanked: a half-written line seldom spoils more than two.
_MOST_BLANKED = 4


def tree_of(source: Source, line: int | None = None) -> MappingNode | None:
    """The tree of a text, without the lines that can't be read.

    Args:
        source: The text.
        line: The line that is being written, the first to be left out.
    """
    node, suspects = _read(source)
    suspects = suspects if line is None else (line, *suspects)
    for _ in range(_MOST_BLANKED):
        if node is not None or not suspects:
            break
        tries = [_without(source, number) for number in suspects]
        read = [_read(text) for text in tries]
        at = max(range(len(read)), key=lambda k: _progress(*read[k]))
        source, (node, suspects) = tries[at], read[at]
    return node if isinstance(node, MappingNode) else None


def _progress(node: Node | None, suspects: tuple[int, ...]) -> tuple[bool, int]:
    """Grows with how much of a text can be read."""
    return node is not None, max(suspects, default=0)


def _read(source: Source) -> tuple[Node | None, tuple[int, ...]]:
    """The tree of a text, or the lines that may have spoilt it."""
    found = DiagnosticCollector()
    node = read_yaml(source, found)
    if node is not None:
        return node, ()
    first = found.sorted()[0]
    worst = first.label.span.begin.line
    # A key without its colon is noticed on the line below, an open bracket anywhere.
    others = (label.span.begin.line for label in first.others)
    lines = (worst, _line_above(source, worst), *others)
    return None, tuple(dict.fromkeys(n for n in lines if source.line(n).strip()))


def _line_above(source: Source, number: int) -> int:
    """The nearest line above that says something; 0 if there is none."""
    number -= 1
    while number and not source.line(number).strip():
        number -= 1
    return number


def _without(source: Source, number: int) -> Source:
    """The same text with a blank line, as long as it was."""
    lines = source.text.split("\n")
    lines[number - 1] = " " * len(lines[number - 1])
    return Source(source.name, "\n".join(lines))


def policy_of(node: MappingNode, source: Source) -> Policy:
    """The policy that a tree says, as far as it does."""
    metadata = {
        key: value
        for key in ("category", "attack")
        if (value := _plain(node, key)) is not None
    }
    return Policy(
        slug=_name(node, "policy") or Name("", node.span),
        kind=_text(node, "kind"),
        version=_text(node, "version"),
        status=_text(node, "status"),
        title=_text(node, "title"),
        category=_text(node, "category") or None,
        input_schema=_name(node, "input"),
        bounds=None,
        defines=_defines(node),
        rules=tuple(_rule(item, metadata) for item in _mappings(node.get("rules"))),
        metadata=metadata,
        source=source,
        span=node.span,
    )


def manifest_of(node: MappingNode, source: Source) -> Manifest:
    """The manifest that a tree says, as far as it does."""
    return Manifest(
        name=_text(node, "set"),
        kind=_text(node, "kind"),
        version=_text(node, "version"),
        input_schema=_name(node, "input") or Name("", node.span),
        decision=_text(node, "decision"),
        order=tuple(name.text for name in _names(node, "order")),
        default=_text(node, "default") or None,
        forbid=tuple(name.text for name in _names(node, "forbid")),
        strict_absence=_plain(node, "strict_absence") is True,
        case_base=_name(node, "case_base"),
        source=source,
        span=node.span,
        defines=_defines(node),
    )


def _rule(node: MappingNode, metadata: dict[str, Any]) -> Rule:
    value = node.get("value")
    return Rule(
        id=_name(node, "id") or Name("", node.span),
        title=_text(node, "title"),
        bodies=_bodies(node.get("when")),
        action=_name(node, "action"),
        value=value.embedded if isinstance(value, ScalarNode) else None,
        value_span=_span(value),
        field=_text(node, "field") or None,
        message=_text(node, "message") or None,
        evidence=_names(node, "evidence"),
        metadata=metadata,
        span=node.span,
    )


def _defines(node: MappingNode) -> tuple[Define, ...]:
    found = node.get("define")
    items = found.items if isinstance(found, MappingNode) else ()
    return tuple(
        Define(key.embedded, bodies, key.span.to(body.span))
        for key, body in items
        if key.embedded is not None and (bodies := _bodies(body))
    )


def _bodies(node: Node | None) -> tuple[EmbeddedSource, ...]:
    items = node.items if isinstance(node, SequenceNode) else (node,)
    scalars = (item for item in items if isinstance(item, ScalarNode))
    return tuple(item.embedded for item in scalars if item.embedded is not None)


def _mappings(node: Node | None) -> Iterator[MappingNode]:
    items = node.items if isinstance(node, SequenceNode) else ()
    return (item for item in items if isinstance(item, MappingNode))


def _name(node: MappingNode, key: str) -> Name | None:
    found = node.get(key)
    if not isinstance(found, ScalarNode) or not isinstance(found.value, str):
        return None
    return Name(found.value, found.span)


def _names(node: MappingNode, key: str) -> tuple[Name, ...]:
    found = node.get(key)
    items = found.items if isinstance(found, SequenceNode) else ()
    scalars = (item for item in items if isinstance(item, ScalarNode))
    return tuple(Name(item.text, item.span) for item in scalars)


def _text(node: MappingNode, key: str) -> str:
    found = _name(node, key)
    return found.text if found else ""


def _plain(node: MappingNode, key: str) -> Any:
    found = node.get(key)
    return None if found is None else to_plain(found)


def _span(node: Node | None) -> Span | None:
    return None if node is None else node.span
