"""Suggestions inside a body: fields by type, names in scope, constants of a field."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from opensoc_engine import types as t
from opensoc_engine.analysis.resolver import SPECIAL_FORMS
from opensoc_engine.analysis.scope import Path, path_of
from opensoc_engine.builtins import BUILTINS
from opensoc_engine.editing import wording
from opensoc_engine.editing.answers import Completions, Item, ItemKind
from opensoc_engine.editing.needs import helper_name, needed
from opensoc_engine.editing.patching import (
    PLACEHOLDER,
    Patched,
    cut,
    patch,
    reference_before,
    spot_at,
)
from opensoc_engine.editing.places import Node, bound_names, chain_to
from opensoc_engine.editing.programs import analyse
from opensoc_engine.editing.schema_words import field_words
from opensoc_engine.editing.tolerant import manifest_of, policy_of
from opensoc_engine.editing.workspace import Kind
from opensoc_engine.policy.bodies import Text, rego_scalars
from opensoc_engine.rego import nodes as n
from opensoc_engine.source import EmbeddedSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.editing.programs import Analysis, Unit
    from opensoc_engine.editing.schema_words import FieldWords
    from opensoc_engine.editing.sites import Document
    from opensoc_engine.policy.model import Define, Manifest, Policy

WORD = r"\w"
KEYWORDS = ("some", "every", "not", "in", "true", "false")

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")
# A reference that a constant is compared with: `e.event_type == ` or `... in {"a", `.
_COMPARED = re.compile(
    r"([A-Za-z_]\w*(?:\.\w+)+)\s*(?:==|!=|in\s*[{\[][^{}\[\]]*)\s*\Z"
)
_LISTS = Path("data", ())
# Policies that are tried for the types of a shared helper.
_MOST_CALLERS = 3


def complete_rego(document: Document, patched: Patched) -> Completions | None:
    """Suggestions for the stand-in of a file.

    Args:
        document: The file with the stand-in.
        patched: Which word that stands for.

    Returns:
        None if the stand-in is not in a body.
    """
    found = _body_with_placeholder(document)
    if found is None:
        return None
    text, kind = found
    items = () if kind is Text.HEAD else tuple(_items(document, text))
    return Completions(items, patched.start, patched.end)


def word_around(document: Document, offset: int) -> Patched:
    """The file with a stand-in for the word of Rego at an offset."""
    return patch(document.source, offset, WORD)


def _body_with_placeholder(document: Document) -> tuple[str, Text] | None:
    for scalar, kind in rego_scalars(document.tree):
        if PLACEHOLDER in scalar.text:
            return scalar.text, kind
    return None


def _items(document: Document, text: str) -> Iterator[Item]:
    at = text.index(PLACEHOLDER)
    spot = spot_at(text, at)
    if spot.in_comment:
        return
    if spot.string is not None:
        compared = _COMPARED.search(text, max(0, spot.string - 500), spot.string)
        body = cut(text, spot, f"{compared[1]}.{PLACEHOLDER}") if compared else ""
        yield from _constants(document, compared[1], body) if compared else ()
        return
    reference = reference_before(text, at)
    line = f"{reference}.{PLACEHOLDER}" if reference else PLACEHOLDER
    trials = (text, cut(text, spot, line))
    if reference:
        yield from _fields(document, trials)
        yield from _dotted(reference)
    else:
        yield from _names(document, trials)


def _constants(document: Document, path: str, body: str) -> Iterator[Item]:
    """The values that the field at a path can have."""
    detail = f"value of `{path.rpartition('.')[2]}`"
    for _, unit, chain in _found(document, (body,)):
        node = chain[-1]
        for kind in unit.types(node.base) if isinstance(node, n.Field) else ():
            values = kind.values if isinstance(kind, t.Enum) else ()
            yield from (Item(value, ItemKind.VALUE, detail) for value in values)


def _fields(document: Document, trials: tuple[str, ...]) -> Iterator[Item]:
    found: dict[str, Item] = {}
    for analysis, unit, chain in _found(document, trials):
        node = chain[-1]
        if not isinstance(node, n.Field):
            continue
        words, is_list = _words(document, analysis), path_of(node.base) == _LISTS
        for kind in unit.types(node.base):
            for item in wording.readable(kind):
                is_hidden = item.trust in analysis.environment.forbidden
                if is_hidden or not _IDENTIFIER.match(item.name):
                    continue
                made = _list if is_list else _field
                text = words.of(kind, item.name)
                found.setdefault(item.name, made(item, text, document))
    yield from found.values()


def _field(item: t.Field, text: str, _document: Document) -> Item:
    note = "" if item.required else "; may be missing"
    return Item(item.name, ItemKind.FIELD, t.describe(item.type) + note, text)


def _list(item: t.Field, _text: str, document: Document) -> Item:
    known = document.view.lists.get(item.name)
    text = wording.list_value(known, (item.name,)) if known else ""
    return Item(item.name, ItemKind.LIST, "list", text)


def _dotted(prefix: str) -> Iterator[Item]:
    """The builtins whose names begin with a word and a dot."""
    start = f"{prefix}."
    for name in sorted({*BUILTINS, *SPECIAL_FORMS}):
        if name.startswith(start):
            yield _builtin(name, name.removeprefix(start))


def _builtin(name: str, insert: str) -> Item:
    row = BUILTINS.get(name)
    text = wording.builtin(row) if row else wording.OBJECT_GET
    return Item(name, ItemKind.FUNCTION, row.doc if row else "", text, insert)


def _names(document: Document, trials: tuple[str, ...]) -> Iterator[Item]:
    for _, unit, chain in islice(_found(document, trials), 1):
        for name in dict.fromkeys(x.text for x in reversed(bound_names(unit, chain))):
            yield Item(name, ItemKind.VARIABLE, "variable")
    yield from _helpers(document)
    yield Item("input", ItemKind.VARIABLE, "the document that is judged")
    yield Item("data", ItemKind.VARIABLE, "the lists")
    yield from (_builtin(name, name) for name in sorted({*BUILTINS, *SPECIAL_FORMS}))
    yield from (Item(word, ItemKind.KEYWORD) for word in KEYWORDS)


def _helpers(document: Document) -> Iterator[Item]:
    """The helpers of the file and of its set, by their heads."""
    manifest, source = document.view.manifest, document.source
    defines = manifest.defines if manifest else ()
    if document.kind is Kind.POLICY:
        defines = (*policy_of(document.tree, source).defines, *defines)
    for define in defines:
        name, head = helper_name(define), define.head
        if name and PLACEHOLDER not in head.text:
            text = wording.comment_above(head.whole)
            yield Item(name, ItemKind.HELPER, head.text.strip(), text)


def _words(document: Document, analysis: Analysis) -> FieldWords:
    policy, manifest = analysis.program.policy, document.view.manifest
    schema = policy.input_schema or (manifest.input_schema if manifest else None)
    return field_words(schema.text if schema else "", document.view.store)


def _found(
    document: Document, trials: tuple[str, ...]
) -> Iterator[tuple[Analysis, Unit, tuple[Node, ...]]]:
    """The uses of the body with the stand-in, from the first trial that parses."""
    for trial in trials:
        is_found = False
        for analysis in _analyses(document, trial):
            for unit in analysis.units:
                chain = chain_to(unit, _is_placeholder)
                if chain:
                    is_found = True
                    yield analysis, unit, chain
                    if unit.facts:
                        return
        if is_found:
            return


def _is_placeholder(node: Node) -> bool:
    match node:
        case n.Name(text):
            return text == PLACEHOLDER
        case n.Field(_, name):
            return name == PLACEHOLDER
    return False


def _analyses(document: Document, trial: str) -> Iterator[Analysis]:
    """The policies with another text of the body that has the stand-in."""
    view, source = document.view, document.source
    if document.kind is Kind.POLICY and view.manifest is not None:
        policy = _policy_with(policy_of(document.tree, source), trial)
        policy, manifest = needed(policy, view.manifest)
        found = analyse(policy, manifest, view.lists, view.store)
        yield from () if found is None else (found,)
    if document.kind is not Kind.SET:
        return
    before = manifest_of(document.tree, source)
    shared = replace(before, defines=_defines(before.defines, trial))
    called = _called(before)
    callers = sorted(
        view.policies.values(),
        key=lambda p: (called not in p.source.text, len(p.source.text)),
    )
    for policy in callers[:_MOST_CALLERS]:
        found = analyse(policy, shared, view.lists, view.store)
        yield from () if found is None else (found,)


def _called(manifest: Manifest) -> str:
    """The name of the helper that is being written."""
    written = (
        helper_name(define)
        for define in manifest.defines
        if any(PLACEHOLDER in body.text for body in define.bodies)
    )
    return next(written, "")


def _policy_with(policy: Policy, trial: str) -> Policy:
    rules = tuple(
        replace(
            rule,
            bodies=tuple(_body(body, trial) for body in rule.bodies),
            value=_body(rule.value, trial)
            if isinstance(rule.value, EmbeddedSource)
            else rule.value,
        )
        for rule in policy.rules
    )
    return replace(policy, rules=rules, defines=_defines(policy.defines, trial))


def _defines(defines: tuple[Define, ...], trial: str) -> tuple[Define, ...]:
    return tuple(
        replace(item, bodies=tuple(_body(body, trial) for body in item.bodies))
        for item in defines
    )


def _body(body: EmbeddedSource, trial: str) -> EmbeddedSource:
    if PLACEHOLDER not in body.text or body.text == trial:
        return body
    return EmbeddedSource(body.file, trial, (), body.whole)
