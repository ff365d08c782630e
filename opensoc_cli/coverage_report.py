"""Coverage becomes text for people, or JSON values: gaps first, percentages last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensoc_engine.coverage import gaps, percent_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_engine.coverage import FileCoverage, LineCoverage

_WIDTH = 100
_ORDER = ("never reached", "never held", "never failed")


def to_text(measured: Sequence[FileCoverage]) -> str:
    """The lines with a gap by what never happened, then a table of the policies."""
    found = list(gaps(measured))
    parts = []
    for kind in _ORDER:
        rows = [f"  {place(line)}: {shown(line)}" for gap, line in found if gap == kind]
        if rows:
            parts += [
                "",
                f"lines that {kind.replace('reached', 'were reached')}",
                *rows,
            ]
    return "\n".join([*parts, "", *_table(measured)])


def place(line: LineCoverage) -> str:
    """File and line."""
    return f"{line.span.source.name}:{line.span.begin.line}"


def shown(line: LineCoverage) -> str:
    """The text of a line, cut where a screen ends."""
    text = line.text
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def to_json(measured: Sequence[FileCoverage]) -> list[dict[str, Any]]:
    """Each policy with all its lines."""
    return [
        {
            "policy": file.name,
            "file": file.path,
            "percent": round(file.percent, 1),
            "lines": [_line_to_json(line) for line in file.lines],
        }
        for file in measured
    ]


def _line_to_json(line: LineCoverage) -> dict[str, Any]:
    return {
        "line": line.span.begin.line,
        "column": line.span.begin.column,
        "text": line.text,
        "kind": "condition" if line.is_condition else "binding",
        "reached": line.reached,
        "held": line.held,
        "failed": line.failed,
        "gap": line.gap,
    }


def _table(measured: Sequence[FileCoverage]) -> list[str]:
    width = max((len(file.name) for file in measured), default=0) + 2
    head = f"{'coverage':<{width}}{'lines':>6}{'held':>8}{'failed':>8}{'covered':>9}"
    rows = [_row(file.name, file.lines, width) for file in measured]
    if len(rows) > 1:
        every = tuple(line for file in measured for line in file.lines)
        rows.append(_row("all", every, width))
    return [head, *rows]


def _row(name: str, lines: tuple[LineCoverage, ...], width: int) -> str:
    conditions = [line for line in lines if line.is_condition]
    held = _percent(sum(line.held > 0 for line in lines), len(lines))
    failed = _percent(sum(line.failed > 0 for line in conditions), len(conditions))
    covered = f"{percent_of(lines):.0f} %"
    return f"{name:<{width}}{len(lines):>6}{held:>8}{failed:>8}{covered:>9}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "n/a"
