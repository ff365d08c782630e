"""A position in a rule file becomes what stands there: a key, a value or Rego."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from opensoc_engine.analysis.program import Helper
from opensoc_engine.editing.places import Node, chain_at, holds
from opensoc_engine.editing.tolerant import manifest_of, policy_of, tree_of
from opensoc_engine.editing.workspace import Kind, kind_of, set_folders
from opensoc_engine.policy.bodies import rego_scalars
from opensoc_engine.policy.yaml_reader import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opensoc_engine.editing.programs import Analysis, Unit
    from opensoc_engine.editing.schema_words import Step
    from opensoc_engine.editing.workspace import SetView, Workspace
    from opensoc_engine.policy.yaml_reader import Node as YamlNode
    from opensoc_engine.source import Source

# Policies that are looked at for how a shared helper is called.
_MOST_CALLERS = 4
_HEAD_NAME = re.compile(r"\W")

Site: TypeAlias = "YamlSite | RegoSite"


@dataclass(frozen=True, slots=True)
class YamlSite:
    """A key or a value.

    Attributes:
        path: Keys and indexes from the root; a key is the last step of its own path.
        node: The key, or the scalar that is the value.
    """

    path: tuple[Step, ...]
    node: ScalarNode
    is_key: bool


@dataclass(frozen=True, slots=True)
class RegoSite:
    """A place in a body or a head: the nodes around it, the outermost first."""

    analysis: Analysis
    unit: Unit
    chain: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A rule file in its set, as far as it can be read.

    Attributes:
        view: The set; for a list the first set that can read it.
    """

    path: Path
    kind: Kind
    source: Source
    tree: MappingNode
    view: SetView


def document_at(workspace: Workspace, path: Path) -> Document | None:
    """The rule file at a path; None if it is none, or nothing of it can be read."""
    kind = kind_of(path, workspace.files())
    source = workspace.source(path) if kind else None
    return None if kind is None or source is None else read(workspace, path, source)


def prepare(workspace: Workspace, path: Path) -> None:
    """Find out now what the first question about a file would have to wait for."""
    document = document_at(workspace, path)
    if document is not None:
        next(analyses(workspace, document), None)


def read(
    workspace: Workspace, path: Path, source: Source, line: int | None = None
) -> Document | None:
    """A rule file with another text than its own, whose line `line` is unfinished."""
    kind, folders = kind_of(path, workspace.files()), set_folders(path)
    tree = tree_of(source, line)
    if kind is None or tree is None or not folders:
        return None
    return Document(path, kind, source, tree, workspace.view(folders[0]))


def analyses(
    workspace: Workspace, document: Document, *, mentioning: str = ""
) -> Iterator[Analysis]:
    """What is known about a file with Rego, by each of some policies.

    Args:
        workspace: Keeps what was found before.
        document: A policy, or a manifest, whose helpers have types by their callers.
        mentioning: A text, such as a helper's name; policies that have it come first.
    """
    view, source = document.view, document.source
    if document.kind is Kind.POLICY:
        found = workspace.analysis(view, policy_of(document.tree, source))
        yield from () if found is None else (found,)
    if document.kind is not Kind.SET:
        return
    manifest = manifest_of(document.tree, source)
    callers = sorted(
        view.policies.values(),
        key=lambda p: (mentioning not in p.source.text, len(p.source.text)),
    )
    for policy in islice(callers, _MOST_CALLERS):
        found = workspace.analysis(view, policy, manifest)
        if found is not None:
            yield found


def site_at(workspace: Workspace, document: Document, offset: int) -> Site | None:
    """What stands at an offset of a file."""
    for scalar, _ in rego_scalars(document.tree):
        if holds(scalar.span, offset):
            found = _rego_site(workspace, document, offset)
            if found is not None:
                return found
    return yaml_site(document.tree, offset)


def _rego_site(
    workspace: Workspace, document: Document, offset: int
) -> RegoSite | None:
    first: RegoSite | None = None
    name = _helper_around(document, offset)
    for analysis in analyses(workspace, document, mentioning=name):
        for unit in analysis.units:
            chain = _chain(unit, document.source.name, offset)
            if not chain:
                continue
            site = RegoSite(analysis, unit, chain)
            if unit.facts:
                return site
            first = first or site
    return first


def _chain(unit: Unit, source: str, offset: int) -> tuple[Node, ...]:
    """The nodes around an offset; of a helper's head perhaps the name alone."""
    if isinstance(unit.owner, Helper):
        for name in (unit.owner.head.name, *unit.parameters):
            if name.span.source.name == source and holds(name.span, offset):
                return (name,)
    return chain_at(unit, source, offset)


def _helper_around(document: Document, offset: int) -> str:
    define = document.tree.get("define")
    items = define.items if isinstance(define, MappingNode) else ()
    keys = (key for key, body in items if holds(key.span.to(body.span), offset))
    return next((_HEAD_NAME.split(key.text.strip(), maxsplit=1)[0] for key in keys), "")


def yaml_site(root: YamlNode, offset: int) -> YamlSite | None:
    """The key or the scalar at an offset."""
    path: tuple[Step, ...] = ()
    node = root
    while not isinstance(node, ScalarNode):
        for step, key, value in _entries(node):
            if key is not None and holds(key.span, offset):
                return YamlSite((*path, step), key, is_key=True)
            if holds(value.span, offset):
                path, node = (*path, step), value
                break
        else:
            return None
    return YamlSite(path, node, is_key=False)


def _entries(
    node: MappingNode | SequenceNode,
) -> Iterator[tuple[Step, ScalarNode | None, YamlNode]]:
    if isinstance(node, MappingNode):
        yield from ((key.text, key, value) for key, value in node.items)
    else:
        yield from ((at, None, value) for at, value in enumerate(node.items))


def value_at(root: YamlNode, path: tuple[Step, ...]) -> YamlNode | None:
    """The value at a path, or None."""
    node: YamlNode | None = root
    for step in path:
        if isinstance(node, MappingNode) and isinstance(step, str):
            node = node.get(step)
        elif isinstance(node, SequenceNode) and isinstance(step, int):
            node = node.items[step] if step < len(node.items) else None
        else:
            return None
    return node
