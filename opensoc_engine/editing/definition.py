"""Where the word at a position is defined: a helper, variable, list, rule or case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensoc_engine.analysis.scope import Path as FieldPath
from opensoc_engine.analysis.scope import path_of
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.editing.places import binding_of, bindings, holds
from opensoc_engine.editing.references import (
    case_keys,
    evidence_names,
    policy_of_cases,
)
from opensoc_engine.editing.sites import (
    RegoSite,
    YamlSite,
    document_at,
    site_at,
    value_at,
)
from opensoc_engine.editing.workspace import Kind
from opensoc_engine.policy.yaml_reader import MappingNode, read_yaml
from opensoc_engine.rego import nodes as n
from opensoc_engine.resources import data_root
from opensoc_engine.set_files import MANIFEST
from opensoc_engine.source import Source, Span

if TYPE_CHECKING:
    from pathlib import Path

    from opensoc_engine.editing.sites import Document
    from opensoc_engine.editing.workspace import Workspace


def definition(workspace: Workspace, path: Path, offset: int) -> Span | None:
    """Where the word at an offset of a file is defined; None if it has no such place.

    The source of the span is named by the path of its file.
    """
    document = document_at(workspace, path)
    if document is None:
        return None
    site = site_at(workspace, document, offset)
    if isinstance(site, RegoSite):
        return _in_rego(document, site, offset)
    return None if site is None else _in_yaml(workspace, document, site)


def _in_rego(document: Document, site: RegoSite, offset: int) -> Span | None:
    node = site.chain[-1]
    match node:
        case n.Name(text):
            return _name(text, site)
        case n.Call(text, _, place) if holds(place, offset):
            return _name(text, site)
        case n.Field() if holds(node.name_span, offset):
            path = path_of(node)
            return None if path is None else _list(document, path)
    names = (name for name in bindings(node) if holds(name.span, offset))
    return next((name.span for name in names), None)


def _name(text: str, site: RegoSite) -> Span | None:
    bound = binding_of(text, site.unit, site.chain)
    helper = site.analysis.helpers.get(text)
    if bound is not None:
        return bound.span
    return None if helper is None else helper.head.name.span


def _list(document: Document, path: FieldPath) -> Span | None:
    """The key of a list file that a path through `data` leads to."""
    item = document.view.lists.get(path.steps[0]) if path.root == "data" else None
    if item is None:
        return None
    tree = read_yaml(item.source, DiagnosticCollector())
    steps = ("values", *path.steps[1:])
    parent = None if tree is None else value_at(tree, steps[:-1])
    key = parent.key(steps[-1]) if isinstance(parent, MappingNode) else None
    return key.span if key is not None and len(steps) > 1 else item.name.span


def _in_yaml(workspace: Workspace, document: Document, site: YamlSite) -> Span | None:
    text, view = site.node.text, document.view
    match document.kind, site.path:
        case (Kind.POLICY, ("rules", int(at), "evidence", int())):
            names = evidence_names(workspace, document, at)
            return next((name.span for name in names if name.text == text), None)
        case (Kind.POLICY, ("rules", int(), "action")):
            return _action(document, text)
        case (
            Kind.CASES,
            ("examples", int(), "rule") | ("examples", int(), "expect", "fired", int()),
        ):
            policy = policy_of_cases(document)
            rules = policy.rules if policy else ()
            return next((r.id.span for r in rules if r.id.text == text), None)
        case (Kind.CASES, ("examples", int(), "expect", "action")):
            return _action(document, text)
        case (Kind.CASES, ("cases",)):
            policy = policy_of_cases(document)
            return policy.slug.span if policy else None
        case (Kind.CASES, ("examples", int(), "vary", "from")):
            return next((k.span for k in case_keys(document) if k.text == text), None)
        case (Kind.SET, ("case_base",)):
            return _start(view.folder / text)
        case (Kind.POLICY | Kind.SET, ("input",)):
            own = view.folder.parent.parent / "schemas" / text
            return _start(own) or _start(data_root() / "schemas" / text)
    return None


def _action(document: Document, text: str) -> Span | None:
    """Where the order of a set names an action."""
    tree = document.view.trees.get(document.view.folder / MANIFEST)
    order = None if tree is None else tree.get("order")
    for item in getattr(order, "items", ()):
        if getattr(item, "text", None) == text:
            found: Span = item.span
            return found
    return None


def _start(path: Path) -> Span | None:
    """The start of a file, if there is one."""
    is_file = path.is_file()
    return Span(Source(str(path.resolve()), ""), 0, 0) if is_file else None
