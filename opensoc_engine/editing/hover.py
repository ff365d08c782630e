"""What is to be known about the word at a position, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensoc_engine.analysis.resolver import SPECIAL_FORMS
from opensoc_engine.analysis.scope import path_of
from opensoc_engine.builtins import BUILTINS
from opensoc_engine.editing import wording
from opensoc_engine.editing.answers import Hover
from opensoc_engine.editing.places import all_nodes, binding_of, bindings, holds
from opensoc_engine.editing.references import schema_places
from opensoc_engine.editing.schema_words import field_words
from opensoc_engine.editing.sites import RegoSite, document_at, site_at
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from pathlib import Path

    from opensoc_engine import types as t
    from opensoc_engine.editing.programs import Unit
    from opensoc_engine.editing.sites import Document, YamlSite
    from opensoc_engine.editing.workspace import Workspace
    from opensoc_engine.source import Span


def hover(workspace: Workspace, path: Path, offset: int) -> Hover | None:
    """What is to be known at an offset of a file; None if nothing is."""
    document = document_at(workspace, path)
    if document is None:
        return None
    site = site_at(workspace, document, offset)
    if isinstance(site, RegoSite):
        return _Rego(document, site, offset).hover()
    return None if site is None else _yaml(document, site)


def _yaml(document: Document, site: YamlSite) -> Hover | None:
    """The schema's words about a key or about the value of one."""
    places = schema_places(document, site.path)
    words = next((place.description for place in places if place.description), "")
    return Hover(words, site.node.span) if words else None


class _Rego:
    """Answers for one place in a body."""

    def __init__(self, document: Document, site: RegoSite, offset: int) -> None:
        self._document, self._site, self._offset = document, site, offset

    def hover(self) -> Hover | None:
        """What is to be known about the innermost node."""
        node = self._site.chain[-1]
        match node:
            case n.Name():
                return self._name(node)
            case n.Field() if holds(node.name_span, self._offset):
                return self._field(node)
            case n.Call() if holds(node.name_span, self._offset):
                return self._function(node.name, node.name_span)
        names = (name for name in bindings(node) if holds(name.span, self._offset))
        return next((self._variable(name, name) for name in names), None)

    def _name(self, name: n.Name) -> Hover | None:
        if name.span.text != name.text:  # the place in the file is not exact
            return None
        bound = binding_of(name.text, self._site.unit, self._site.chain)
        if bound is not None:
            return self._variable(name, bound)
        return self._function(name.text, name.span) or self._root(name)

    def _root(self, name: n.Name) -> Hover | None:
        words = {"input": "the document that is judged", "data": "the lists"}
        known = words.get(name.text)
        return Hover(f"`{name.text}`: {known}", name.span) if known else None

    def _variable(self, name: n.Name, bound: n.Name) -> Hover | None:
        unit = self._site.unit
        kinds = unit.types(name) or unit.types(bound) or _read_types(unit, name.text)
        text = wording.typed(name.text, kinds)
        return Hover(text, name.span) if kinds else None

    def _function(self, name: str, span: Span) -> Hover | None:
        helper = self._site.analysis.helpers.get(name)
        if helper is not None:
            calls = wording.calls(self._site.analysis, helper)
            return Hover(wording.helper(helper, calls), span)
        if name in SPECIAL_FORMS:
            return Hover(wording.OBJECT_GET, span)
        builtin = BUILTINS.get(name)
        return Hover(wording.builtin(builtin), span) if builtin else None

    def _field(self, node: n.Field) -> Hover | None:
        if node.name not in node.name_span.text:
            return None
        path = path_of(node)
        if path is not None and path.root == "data":
            item = self._document.view.lists.get(path.steps[0])
            text = item and wording.list_value(item, path.steps)
            return Hover(text, node.name_span) if text else None
        shown = str(path) if path else node.name
        found = [
            wording.field(shown, base, node.name, self._words(base, node.name))
            for base in self._site.unit.types(node.base)
        ]
        text = "\n\n---\n\n".join(dict.fromkeys(filter(None, found)))
        return Hover(text, node.name_span) if text else None

    def _words(self, base: t.Type, name: str) -> str:
        policy, manifest = (
            self._site.analysis.program.policy,
            self._document.view.manifest,
        )
        schema = policy.input_schema or (manifest.input_schema if manifest else None)
        if schema is None:
            return ""
        return field_words(schema.text, self._document.view.store).of(base, name)


def _read_types(unit: Unit, name: str) -> tuple[t.Type, ...]:
    """The types that a variable has where it is read."""
    found = (
        kind
        for node in all_nodes(unit)
        if isinstance(node, n.Name) and node.text == name
        for kind in unit.types(node)
    )
    return tuple(dict.fromkeys(found))
