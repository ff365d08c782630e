"""Whole messages of syntax errors; `OPENSOC_REWRITE_GOLDEN=1` rewrites them.

A `.rego` file holds texts of a policy between empty lines, each with one mistake. The
`.txt` beside it holds what is said about them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.rego.parser import parse_body, parse_head
from opensoc_engine.render import render_text
from opensoc_engine.source import EmbeddedSource, Source, Span, line_starts

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent / "rego"
FILES = sorted(FOLDER.glob("*.rego"))


def texts(file: Source) -> Iterator[EmbeddedSource]:
    """The paragraphs of a file, each of which knows where it stands."""
    start = 0
    for text in file.text.split("\n\n"):
        offsets = tuple(start + offset for offset in line_starts(text))
        whole = Span(file, start, start + len(text))
        yield EmbeddedSource(file, text, offsets, whole)
        start += len(text) + len("\n\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_mistake_is_explained_as_it_always_was(path: Path) -> None:
    file = Source(path.name, path.read_text("utf-8"))
    mistakes = list(texts(file))
    collector = DiagnosticCollector()
    parse = parse_head if path.stem == "heads" else parse_body
    trees = [parse(text, collector) for text in mistakes]
    found = f"{render_text(collector.sorted())}\n"
    expected = path.with_suffix(".txt")
    if os.environ.get("OPENSOC_REWRITE_GOLDEN"):
        expected.write_text(found, "utf-8")

    assert trees == [None] * len(mistakes)
    assert len(collector.sorted()) == len(mistakes)
    assert found == expected.read_text("utf-8")
