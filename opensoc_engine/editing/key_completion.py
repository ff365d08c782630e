"""Suggestions outside of bodies: keys that the schema has, and the words of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensoc_engine.editing.answers import Completions, Item, ItemKind
from opensoc_engine.editing.patching import PLACEHOLDER, Patched
from opensoc_engine.editing.references import (
    case_keys,
    evidence_names,
    policy_of_cases,
    schema_places,
)
from opensoc_engine.editing.sites import value_at
from opensoc_engine.editing.workspace import Kind
from opensoc_engine.policy.yaml_reader import MappingNode, ScalarNode
from opensoc_engine.schema_types import TRUST_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.editing.schema_words import Step
    from opensoc_engine.editing.sites import Document
    from opensoc_engine.editing.workspace import Workspace
    from opensoc_engine.policy.yaml_reader import Node

WORD = r"\w.\-"


def complete_key(document: Document, patched: Patched) -> Completions | None:
    """Suggestions for the stand-in as a key; None if none could stand there."""
    path = _path_of(document.tree, (), keys=True)
    parent = None if path is None else value_at(document.tree, path)
    if path is None or not isinstance(parent, MappingNode):
        return None
    here = {key.text for key, _ in parent.items}
    found: dict[str, Item] = {}
    for place in schema_places(document, path):
        needed = place.schema.get("required", ())
        for name in place.properties:
            inner = place.key(name)
            if name not in here and inner is not None:
                detail = "required" if name in needed else ""
                found[name] = Item(name, ItemKind.KEY, detail, inner.description)
    items = tuple(found.values())
    return Completions(items, patched.start, patched.end) if items else None


def complete_value(
    workspace: Workspace, document: Document, patched: Patched
) -> Completions | None:
    """Suggestions for the stand-in as a value; None if it is none."""
    path = _path_of(document.tree, (), keys=False)
    if path is None:
        return None
    named = tuple(_named(workspace, document, path))
    if not named:
        choices = (v for p in schema_places(document, path) for v in p.choices)
        named = tuple(Item(value, ItemKind.VALUE) for value in dict.fromkeys(choices))
    return Completions(named, patched.start, patched.end)


def _path_of(
    node: Node, path: tuple[Step, ...], *, keys: bool
) -> tuple[Step, ...] | None:
    """Where the stand-in is: the mapping that it is a key of, or its own path."""
    if isinstance(node, ScalarNode):
        return path if not keys and PLACEHOLDER in node.text else None
    if isinstance(node, MappingNode):
        if keys and any(key.text == PLACEHOLDER for key, _ in node.items):
            return path
        inner = [((*path, key.text), value) for key, value in node.items]
    else:
        inner = [((*path, at), value) for at, value in enumerate(node.items)]
    found = (_path_of(value, way, keys=keys) for way, value in inner)
    return next((way for way in found if way is not None), None)


def _named(
    workspace: Workspace, document: Document, path: tuple[Step, ...]
) -> Iterator[Item]:
    """The names that a value at a path can be."""
    view = document.view
    match document.kind, path:
        case (Kind.POLICY, ("rules", int(), "action")):
            yield from _actions(document)
        case (Kind.POLICY, ("rules", int(at), "evidence", int())):
            names = evidence_names(workspace, document, at)
            for name in dict.fromkeys(item.text for item in names):
                yield Item(name, ItemKind.VARIABLE, "variable of `when`")
        case (Kind.POLICY | Kind.SET, ("input",)):
            for name in sorted(view.store.documents):
                yield Item(name, ItemKind.VALUE, "schema")
        case (Kind.SET, ("forbid", int())):
            yield from (Item(word, ItemKind.VALUE) for word in sorted(TRUST_LABELS))
        case (Kind.CASES, ("cases",)):
            for policy in view.policies.values():
                yield Item(policy.slug.text, ItemKind.VALUE, policy.title)
        case (Kind.CASES, ("examples", int(), "expect", "action")):
            yield from _actions(document)
        case (
            Kind.CASES,
            ("examples", int(), "rule") | ("examples", int(), "expect", "fired", int()),
        ):
            yield from _rules(document)
        case (Kind.CASES, ("examples", int(), "vary", "from")):
            for key in case_keys(document):
                yield Item(key.text, ItemKind.VALUE, "case")


def _actions(document: Document) -> Iterator[Item]:
    manifest = document.view.manifest
    if manifest is None:
        return
    for rank, action in enumerate(manifest.order, start=1):
        yield Item(action, ItemKind.VALUE, f"outcome {rank}, strongest first")
    if document.kind is Kind.CASES:
        default = manifest.default
        also = ("plausible", "implausible") if manifest.kind == "plausibility" else ()
        for word in (*also, *([default] if default else [])):
            yield Item(word, ItemKind.VALUE, "outcome")


def _rules(document: Document) -> Iterator[Item]:
    policy = policy_of_cases(document)
    for rule in policy.rules if policy else ():
        yield Item(rule.id.text, ItemKind.VALUE, rule.title)
