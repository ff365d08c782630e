"""Whole rendered messages beside their input; `OPENSOC_REWRITE_GOLDEN=1` rewrites."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.policy.parser import (
    parse_cases,
    parse_list,
    parse_manifest,
    parse_policy,
)
from opensoc_engine.render import (
    render_github,
    render_json,
    render_sarif,
    render_text,
    summary,
)
from opensoc_engine.schema_store import default_store
from opensoc_engine.source import Source

if TYPE_CHECKING:
    from opensoc_engine.diagnostics import Diagnostic

FOLDER = Path(__file__).parent / "render"
PARSERS: dict[str, Any] = {
    "policy": parse_policy,
    "set": parse_manifest,
    "list": parse_list,
    "cases": parse_cases,
}
INPUTS = sorted(FOLDER.glob("*/*.yaml"))
FORMATS = {"json": render_json, "github": render_github, "sarif": render_sarif}
FORMATTED = FOLDER / "policy" / "misspelt-words.yaml"


def findings(path: Path) -> tuple[Diagnostic, ...]:
    source = Source(f"{path.parent.name}/{path.name}", path.read_bytes().decode())
    found = DiagnosticCollector()
    PARSERS[path.parent.name](source, default_store(), found)
    return found.sorted()


def expected(path: Path, text: str) -> str:
    """What is written down, after writing it down anew if that was asked for."""
    if os.environ.get("OPENSOC_REWRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    return path.read_text("utf-8")


@pytest.mark.parametrize(
    "path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_a_message_reads_as_it_always_did(path: Path) -> None:
    found = findings(path)
    text = f"{render_text(found)}\n\n{summary(found)}\n"

    assert text == expected(path.with_suffix(".txt"), text)


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_for_machines_reads_as_it_always_did(name: str) -> None:
    text = f"{FORMATS[name](findings(FORMATTED))}\n"

    assert text == expected(FORMATTED.with_suffix(f".{name}"), text)
