"""Diagnostics become text for machines: JSON, GitHub annotations and SARIF.

Lines and columns count from 1 and an end is exclusive, as in `Position`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from opensoc_engine.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opensoc_engine.diagnostics import Diagnostic, Label
    from opensoc_engine.source import Span

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON array with one object for each diagnostic."""
    return json.dumps([_json(diagnostic) for diagnostic in diagnostics], indent=2)


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Workflow commands that GitHub shows beside the lines of a pull request."""
    return "\n".join(_annotation(diagnostic) for diagnostic in diagnostics)


def render_sarif(diagnostics: Iterable[Diagnostic]) -> str:
    """A SARIF 2.1.0 log with one run, as code scanning takes it."""
    found = list(diagnostics)
    used = sorted({diagnostic.code for diagnostic in found})
    driver = {"name": "opensoc", "rules": [_sarif_rule(code) for code in used]}
    results = [_sarif_result(item, used.index(item.code)) for item in found]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    log = {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2)


def _json(found: Diagnostic) -> dict[str, Any]:
    return {
        "code": found.code,
        "slug": CODES[found.code].slug,
        "severity": found.severity.value,
        "message": found.message,
        "help": found.help,
        **_json_label(found.label),
        "others": [_json_label(label) for label in found.others],
    }


def _json_label(label: Label) -> dict[str, Any]:
    begin, finish = label.span.begin, label.span.finish
    return {
        "file": label.span.source.name,
        "line": begin.line,
        "column": begin.column,
        "end_line": finish.line,
        "end_column": finish.column,
        "label": label.text,
    }


def _annotation(found: Diagnostic) -> str:
    title = f"{found.code} {CODES[found.code].slug}"
    message = found.message + (f"\nhelp: {found.help}" if found.help else "")
    return annotation(found.severity.value, found.label.span, title, message)


def annotation(level: str, span: Span, title: str, message: str) -> str:
    """A workflow command that GitHub shows at a place; `level` is error or warning."""
    begin, finish = span.begin, span.finish
    words = {
        "file": span.source.name,
        "line": begin.line,
        "endLine": finish.line,
        "title": title,
    }
    # GitHub takes columns only of one line, and counts the last one in.
    if begin.line == finish.line:
        words["col"] = begin.column
        words["endColumn"] = max(begin.column, finish.column - 1)
    listed = ",".join(f"{key}={_property(word)}" for key, word in words.items())
    return f"::{level} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(word: object) -> str:
    return _data(str(word)).replace(":", "%3A").replace(",", "%2C")


def _sarif_rule(code: str) -> dict[str, Any]:
    row = CODES[code]
    return {
        "id": code,
        "name": row.slug,
        "shortDescription": {"text": row.slug.replace("-", " ")},
        "fullDescription": {"text": row.explanation},
    }


def _sarif_result(found: Diagnostic, rule_index: int) -> dict[str, Any]:
    words = found.message + (f" (help: {found.help})" if found.help else "")
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rule_index,
        "level": found.severity.value,
        "message": {"text": words},
        "locations": [{"physicalLocation": _sarif_place(found.label.span)}],
    }
    if found.others:
        result["relatedLocations"] = [
            {
                "id": number,
                "message": {"text": label.text},
                "physicalLocation": _sarif_place(label.span),
            }
            for number, label in enumerate(found.others, start=1)
        ]
    return result


def _sarif_place(span: Span) -> dict[str, Any]:
    begin, finish = span.begin, span.finish
    path = quote(span.source.name.replace("\\", "/"), errors="replace")
    return {
        "artifactLocation": {"uri": f"file://{path}" if path[:1] == "/" else path},
        "region": {
            "startLine": begin.line,
            "startColumn": begin.column,
            "endLine": finish.line,
            "endColumn": finish.column,
        },
    }
