"""The language server: the editor's protocol around `opensoc_engine.editing`.

Requests are answered at once on the text that the editor has. What is wrong is looked
for in a process of its own, after a pause in writing; an answer that is out of date
when it comes is dropped.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from opensoc_cli import lsp_answers as answers
from opensoc_cli.lsp_checker import Checker, Found
from opensoc_cli.lsp_places import offset_of
from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector
from opensoc_engine.editing.completion import complete
from opensoc_engine.editing.definition import definition
from opensoc_engine.editing.findings import FROM_CASES
from opensoc_engine.editing.fixes import fixes
from opensoc_engine.editing.hover import hover
from opensoc_engine.editing.sites import prepare
from opensoc_engine.editing.workspace import Workspace, kind_of
from opensoc_engine.formatter import format_source
from opensoc_engine.loader import store_of
from opensoc_engine.set_files import rules_root

# Seconds without a key stroke before the files are checked.
PAUSE = 0.25

_AtPosition: TypeAlias = lsp.HoverParams | lsp.CompletionParams | lsp.DefinitionParams


class RuleServer(LanguageServer):
    """Holds the open texts, and what was last found in the files beside them."""

    def __init__(self) -> None:
        super().__init__(
            "opensoc",
            version("opensoc"),
            text_document_sync_kind=lsp.TextDocumentSyncKind.Full,
        )
        self.rules = Workspace()
        self.found: dict[Path, tuple[Diagnostic, ...]] = {}
        self._uris: dict[Path, str] = {}
        self._checker = Checker()
        self._rounds: dict[Path, asyncio.TimerHandle] = {}

    @property
    def encoding(self) -> str:
        """The units of columns."""
        chosen = self.workspace.position_encoding or lsp.PositionEncodingKind.Utf16
        return lsp.PositionEncodingKind(chosen).value

    def shutdown(self) -> None:
        """Stop, without waiting for what nobody will see."""
        self._checker.stop()
        super().shutdown()  # type: ignore[no-untyped-call] # pygls has no types here

    def path(self, uri: str) -> Path | None:
        """The file of a URI; None if it is no YAML file of the disk."""
        name = to_fs_path(uri)
        path = Path(name) if name else None
        if path is None or path.suffix != ".yaml":
            return None
        return path.parent.resolve() / path.name

    def hold(self, uri: str, text: str) -> Path | None:
        """Take a text as the one of a file from now on."""
        path = self.path(uri)
        if path is not None:
            self.rules.texts[path] = text
            self._uris[path] = uri
        return path

    def release(self, uri: str) -> Path | None:
        """Take the file's own text again."""
        path = self.path(uri)
        if path is not None:
            self.rules.texts.pop(path, None)
            self._uris.pop(path, None)
        return path

    def uri(self, path: Path) -> str:
        """The URI of a file, as the editor wrote it if it is open."""
        return self._uris.get(path) or from_fs_path(str(path)) or ""

    def offset(self, path: Path, position: lsp.Position) -> int | None:
        """The offset of a position in a file."""
        source = self.rules.source(path)
        if source is None:
            return None
        return offset_of(source.text, position, self.encoding)

    def look(self, path: Path | None, *, cases: bool, pause: float = 0) -> None:
        """Look for what is wrong with a file and those beside it, and show it."""
        if path is None or kind_of(path, self.rules.files()) is None:
            return
        root = rules_root(path.parent)
        if root in self._rounds:
            self._rounds[root].cancel()

        def start() -> None:
            self.rules.look_again()
            texts = self.rules.texts
            self._checker.find(texts, path, cases=cases).add_done_callback(show)

        def show(future: asyncio.Future[Found]) -> None:
            if self._rounds[root] is this:
                self._show(future, root, cases=cases)

        this = self._rounds[root] = asyncio.get_running_loop().call_later(pause, start)

    def _show(self, future: asyncio.Future[Found], root: Path, *, cases: bool) -> None:
        error = future.exception()
        if error is not None:
            text = f"opensoc: {type(error).__name__}: {error}"
            params = lsp.LogMessageParams(lsp.MessageType.Error, text)
            self.window_log_message(params)
            return
        found = dict(future.result())
        before = {p: d for p, d in self.found.items() if p.is_relative_to(root)}
        if not cases:
            for file, old in before.items():
                found[file] = (*found.get(file, ()), *self._still_true(file, old))
        for file in {*before, *found}:
            self._publish(file, found.get(file, ()))

    def _still_true(
        self, path: Path, found: tuple[Diagnostic, ...]
    ) -> tuple[Diagnostic, ...]:
        """What the last run of the cases found, if the file did not change since."""
        source = self.rules.source(path)
        return tuple(
            item
            for item in found
            if item.code in FROM_CASES
            and source is not None
            and item.label.span.source.text == source.text
        )

    def _publish(self, path: Path, found: tuple[Diagnostic, ...]) -> None:
        if found:
            self.found[path] = found
        else:
            self.found.pop(path, None)
        shown = [answers.diagnostic(item, self.uri, self.encoding) for item in found]
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(self.uri(path), shown)
        )


def build_server() -> RuleServer:
    """A server that has not started."""
    server = RuleServer()
    server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)(_opened)
    server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)(_changed)
    server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)(_saved)
    server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)(_closed)
    server.feature(lsp.TEXT_DOCUMENT_HOVER)(_hover)
    server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=[".", '"']),
    )(_completion)
    server.feature(lsp.TEXT_DOCUMENT_DEFINITION)(_definition)
    server.feature(lsp.TEXT_DOCUMENT_FORMATTING)(_formatting)
    server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]),
    )(_code_action)
    return server


def _opened(server: RuleServer, params: lsp.DidOpenTextDocumentParams) -> None:
    path = server.hold(params.text_document.uri, params.text_document.text)
    server.look(path, cases=True)
    if path is not None:
        prepare(server.rules, path)


def _changed(server: RuleServer, params: lsp.DidChangeTextDocumentParams) -> None:
    uri = params.text_document.uri
    text = server.workspace.get_text_document(uri).source
    server.look(server.hold(uri, text), cases=False, pause=PAUSE)


def _saved(server: RuleServer, params: lsp.DidSaveTextDocumentParams) -> None:
    server.look(server.path(params.text_document.uri), cases=True)


def _closed(server: RuleServer, params: lsp.DidCloseTextDocumentParams) -> None:
    server.look(server.release(params.text_document.uri), cases=True)


def _hover(server: RuleServer, params: lsp.HoverParams) -> lsp.Hover | None:
    place = _place(server, params)
    found = place and hover(server.rules, *place)
    return answers.hover(found, server.encoding) if found else None


def _completion(
    server: RuleServer, params: lsp.CompletionParams
) -> lsp.CompletionList | None:
    place = _place(server, params)
    found = place and complete(server.rules, *place)
    source = place and server.rules.source(place[0])
    if not found or not source:
        return None
    return answers.completions(found, source, server.encoding)


def _definition(
    server: RuleServer, params: lsp.DefinitionParams
) -> lsp.Location | None:
    place = _place(server, params)
    found = place and definition(server.rules, *place)
    return answers.location(found, server.uri, server.encoding) if found else None


def _place(server: RuleServer, params: _AtPosition) -> tuple[Path, int] | None:
    path = server.path(params.text_document.uri)
    offset = None if path is None else server.offset(path, params.position)
    return None if path is None or offset is None else (path, offset)


def _formatting(
    server: RuleServer, params: lsp.DocumentFormattingParams
) -> list[lsp.TextEdit]:
    path = server.path(params.text_document.uri)
    source = server.rules.source(path) if path else None
    if path is None or source is None or kind_of(path, server.rules.files()) is None:
        return []
    made = format_source(source, store_of(path.parent), DiagnosticCollector())
    if made is None or made.text == source.text:
        return []
    return [answers.whole(source, made.text, server.encoding)]


def _code_action(
    server: RuleServer, params: lsp.CodeActionParams
) -> list[lsp.CodeAction]:
    path = server.path(params.text_document.uri)
    source = server.rules.source(path) if path else None
    if path is None or source is None:
        return []
    found = (d for d in server.found.get(path, ()) if d.label.span.source == source)
    made = [answers.action(fix, server.uri, server.encoding) for fix in fixes(found)]
    return [item for item in made if answers.touches(item, params.range)]
