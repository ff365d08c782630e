"""Suggestions at a position of a rule file: in a body, for a key or for a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opensoc_engine.editing import key_completion, rego_completion
from opensoc_engine.editing.patching import patch
from opensoc_engine.editing.sites import read
from opensoc_engine.editing.workspace import kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from opensoc_engine.editing.answers import Completions
    from opensoc_engine.editing.workspace import Workspace
    from opensoc_engine.source import Source

# A line with nothing but dashes and a word, on which a key may begin.
_BARE_LINE = re.compile(r"[ \t]*(?:-[ \t]+)*[\w.\-]*\Z")
_KEY_END = re.compile(r"[\w.\-]*[ \t]*:")


def complete(workspace: Workspace, path: Path, offset: int) -> Completions | None:
    """Suggestions for the word at an offset of a file; None if nothing fits."""
    files = workspace.files()
    source = workspace.source(path) if kind_of(path, files) else None
    if source is None:
        return None
    line = source.position(offset).line
    patched = patch(source, offset, rego_completion.WORD)
    document = read(workspace, path, patched.source, line)
    if document is not None:
        found = rego_completion.complete_rego(document, patched)
        if found is not None:
            return found
    return _key(workspace, path, source, offset) or _value(
        workspace, path, source, offset
    )


def _key(
    workspace: Workspace, path: Path, source: Source, offset: int
) -> Completions | None:
    start = source.text.rfind("\n", 0, offset) + 1
    if not _BARE_LINE.match(source.text[start:offset]):
        return None
    suffix = "" if _KEY_END.match(source.text, offset) else ":"
    patched = patch(source, offset, key_completion.WORD, suffix)
    document = read(workspace, path, patched.source, source.position(offset).line)
    if document is None:
        return None
    return key_completion.complete_key(document, patched)


def _value(
    workspace: Workspace, path: Path, source: Source, offset: int
) -> Completions | None:
    patched = patch(source, offset, key_completion.WORD)
    document = read(workspace, path, patched.source, source.position(offset).line)
    if document is None:
        return None
    return key_completion.complete_value(workspace, document, patched)
