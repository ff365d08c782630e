"""`opensoc test [PATH]`: does every case come out as it says?"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_engine.cases import CaseResult
    from opensoc_engine.coverage import FileCoverage


class Form(StrEnum):
    """How results are written."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    GITHUB = "github"


def run(
    path: Annotated[
        Path | None, typer.Argument(help="A rules folder or a policy set.")
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="How to write results.")
    ] = Form.TEXT,
    *,
    coverage: Annotated[
        bool,
        typer.Option("--coverage", help="Say which lines never held or never failed."),
    ] = False,
) -> None:
    """Run the cases that stand beside the policies."""
    from opensoc_engine.set_files import policy_folders

    root = path or reporting.default_rules()
    folder = root.parent if root.is_file() else root
    folders = policy_folders(folder)
    if not folders:
        raise reporting.stop(
            f"no policy set in `{root}`", "a policy set is a folder with a `set.yaml`"
        )
    results: list[CaseResult] = []
    measured: list[FileCoverage] | None = [] if coverage else None
    for found in folders:
        results += _test(found, form, measured)
    if root.is_file():
        slug = root.name.split(".cases")[0].removesuffix(".yaml")
        results = [result for result in results if result.policy == slug]
        measured = measured and [file for file in measured if file.name == slug]
    _report(results, measured, form)
    if not all(result.passed for result in results):
        raise typer.Exit(reporting.FINDINGS)


def _test(
    folder: Path, form: Form, measured: list[FileCoverage] | None
) -> tuple[CaseResult, ...]:
    """The results of one set; a set that does not compile ends the run."""
    from opensoc_engine.cases import run_cases
    from opensoc_engine.coverage import measure
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.loader import load_folder

    loaded = load_folder(folder)
    found = DiagnosticCollector()
    found.extend(loaded.diagnostics)
    results: tuple[CaseResult, ...] = ()
    if loaded.policy_set is not None and loaded.folder is not None:
        parts, compiled = loaded.folder, loaded.policy_set
        results = run_cases(compiled, parts.cases, parts.case_base, parts.store, found)
        if measured is not None:
            measured += measure(compiled, [(r.policy, r.document) for r in results])
    if found.has_errors:
        as_data = {
            Form.JSON: reporting.Format.JSON,
            Form.GITHUB: reporting.Format.GITHUB,
        }
        written = as_data.get(form, reporting.Format.TEXT)
        reporting.write_diagnostics(found.sorted(), written)
        raise typer.Exit(reporting.FINDINGS)
    return results


def _report(
    results: list[CaseResult], measured: list[FileCoverage] | None, form: Form
) -> None:
    from opensoc_cli import coverage_report, junit

    match form:
        case Form.JSON:
            cases = [_to_json(result) for result in results]
            with_lines = measured is not None and {
                "cases": cases,
                "coverage": coverage_report.to_json(measured),
            }
            typer.echo(json.dumps(with_lines or cases, indent=2))
        case Form.JUNIT:
            typer.echo(junit.document(results, measured))
        case Form.GITHUB:
            _annotate(results)
        case Form.TEXT:
            _write(results)
            if measured is not None:
                typer.echo(coverage_report.to_text(measured))


def _write(results: Sequence[CaseResult]) -> None:
    failed = [result for result in results if not result.passed]
    for result in failed:
        typer.echo(_shown(result))
    count = len({result.policy for result in results})
    passed = len(results) - len(failed)
    typer.echo(
        f"{len(results)} cases of {count} policies: {passed} passed, "
        f"{len(failed)} failed"
    )


def _annotate(results: Sequence[CaseResult]) -> None:
    from opensoc_engine.render_formats import annotation

    for result in results:
        if not result.passed:
            lines = [
                f"{item.what}: expected {item.expected}, got {item.actual}"
                for item in result.mismatches
            ]
            title = f"failed: {result.case.name.text}"
            span = result.case.name.span
            typer.echo(annotation("error", span, title, "\n".join(lines)))


def _shown(result: CaseResult) -> str:
    span = result.case.name.span
    place = f"{span.source.name}:{span.begin.line}:{span.begin.column}"
    lines = [f"failed: {result.case.name.text}", f"  --> {place}"]
    width = max(len(mismatch.what) for mismatch in result.mismatches)
    for mismatch in result.mismatches:
        what = mismatch.what.ljust(width)
        lines.append(f"   | {what}  expected: {mismatch.expected}")
        lines.append(f"   | {' ' * width}  actual:   {mismatch.actual}")
    return "\n".join(lines) + "\n"


def _to_json(result: CaseResult) -> dict[str, object]:
    span = result.case.name.span
    return {
        "policy": result.policy,
        "case": result.case.name.text,
        "file": span.source.name,
        "line": span.begin.line,
        "passed": result.passed,
        "mismatches": [
            {"what": m.what, "expected": m.expected, "actual": m.actual}
            for m in result.mismatches
        ],
    }
