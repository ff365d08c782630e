"""Answers of `opensoc_engine.editing` in the words of the editor's protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from lsprotocol import types as lsp

from opensoc_cli.lsp_places import position_of, range_of
from opensoc_engine.codes import CODES
from opensoc_engine.diagnostics import Diagnostic, Label, Severity
from opensoc_engine.editing.answers import Completions, Fix, Hover, Item, ItemKind
from opensoc_engine.source import Source, Span

Uri: TypeAlias = Callable[[Path], str]

_KINDS = {
    ItemKind.FIELD: lsp.CompletionItemKind.Field,
    ItemKind.FUNCTION: lsp.CompletionItemKind.Function,
    ItemKind.HELPER: lsp.CompletionItemKind.Method,
    ItemKind.VARIABLE: lsp.CompletionItemKind.Variable,
    ItemKind.KEYWORD: lsp.CompletionItemKind.Keyword,
    ItemKind.KEY: lsp.CompletionItemKind.Property,
    ItemKind.VALUE: lsp.CompletionItemKind.EnumMember,
    ItemKind.LIST: lsp.CompletionItemKind.Constant,
}


def diagnostic(found: Diagnostic, uri: Uri, encoding: str) -> lsp.Diagnostic:
    """A diagnostic with its advice as a second line."""
    advice = f"\nhelp: {found.help}" if found.help else ""
    label = f": {found.label.text}" if found.label.text else ""
    is_error = found.severity is Severity.ERROR
    kind = lsp.DiagnosticSeverity.Error if is_error else lsp.DiagnosticSeverity.Warning
    slug = CODES[found.code].slug if found.code in CODES else ""
    return lsp.Diagnostic(
        range=range_of(found.label.span, encoding),
        message=found.message + label + advice,
        severity=kind,
        code=f"{found.code} {slug}".strip(),
        source="opensoc",
        related_information=[_related(item, uri, encoding) for item in found.others],
    )


def _related(label: Label, uri: Uri, encoding: str) -> lsp.DiagnosticRelatedInformation:
    place = location(label.span, uri, encoding)
    return lsp.DiagnosticRelatedInformation(place, label.text or "see here")


def location(span: Span, uri: Uri, encoding: str) -> lsp.Location:
    """The place of a span whose source is named by a path."""
    return lsp.Location(uri(Path(span.source.name)), range_of(span, encoding))


def hover(found: Hover, encoding: str) -> lsp.Hover:
    """What is shown beside a word."""
    text = lsp.MarkupContent(lsp.MarkupKind.Markdown, found.text)
    return lsp.Hover(text, range_of(found.span, encoding))


def completions(
    found: Completions, source: Source, encoding: str
) -> lsp.CompletionList:
    """Suggestions, in the order in which they were made."""
    place = range_of(Span(source, found.start, found.end), encoding)
    items = [_item(item, at, place) for at, item in enumerate(found.items)]
    return lsp.CompletionList(is_incomplete=False, items=items)


def _item(item: Item, rank: int, place: lsp.Range) -> lsp.CompletionItem:
    text = lsp.MarkupContent(lsp.MarkupKind.Markdown, item.text)
    return lsp.CompletionItem(
        label=item.label,
        kind=_KINDS[item.kind],
        detail=item.detail or None,
        documentation=text if item.text else None,
        sort_text=f"{rank:04}",
        filter_text=item.written,
        text_edit=lsp.TextEdit(place, item.written),
    )


def whole(source: Source, text: str, encoding: str) -> lsp.TextEdit:
    """The change that replaces a whole text."""
    end = position_of(source, len(source.text), encoding)
    return lsp.TextEdit(lsp.Range(lsp.Position(0, 0), end), text)


def action(fix: Fix, uri: Uri, encoding: str) -> lsp.CodeAction:
    """A change that a user can choose."""
    place = location(fix.span, uri, encoding)
    edit = lsp.TextEdit(place.range, fix.text)
    return lsp.CodeAction(
        title=fix.title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[diagnostic(fix.cause, uri, encoding)],
        is_preferred=True,
        edit=lsp.WorkspaceEdit(changes={place.uri: [edit]}),
    )


def touches(item: lsp.CodeAction, place: lsp.Range) -> bool:
    """True if the diagnostic of an action is at least partly in a range."""
    return any(
        found.range.start <= place.end and place.start <= found.range.end
        for found in item.diagnostics or ()
    )
