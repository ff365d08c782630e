"""`opensoc test [PATH]`: does every case come out as it says?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting
from opensoc_cli.reporting import Format

if TYPE_CHECKING:
    from opensoc_engine.cases import CaseResult


def run(
    path: Annotated[
        Path | None, typer.Argument(help="A rules folder or a policy set.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="text or json.")
    ] = Format.TEXT,
) -> None:
    """Run the cases that stand beside the policies."""
    from opensoc_engine.loader import policy_folders

    root = path or reporting.default_rules()
    folder = root.parent if root.is_file() else root
    folders = policy_folders(folder)
    if not folders:
        raise reporting.stop(
            f"no policy set in `{root}`", "a policy set is a folder with a `set.yaml`"
        )
    results = [result for found in folders for result in _test(found, form)]
    if root.is_file():
        slug = root.name.split(".cases")[0].removesuffix(".yaml")
        results = [result for result in results if result.policy == slug]
    _report(results, form)
    if not all(result.passed for result in results):
        raise typer.Exit(reporting.FINDINGS)


def _test(folder: Path, form: Format) -> tuple[CaseResult, ...]:
    """The results of one set; a set that does not compile ends the run."""
    from opensoc_engine.cases import run_cases
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.loader import load_folder

    loaded = load_folder(folder)
    found = DiagnosticCollector()
    found.extend(loaded.diagnostics)
    results: tuple[CaseResult, ...] = ()
    if loaded.policy_set is not None and loaded.folder is not None:
        parts = loaded.folder
        results = run_cases(
            loaded.policy_set, parts.cases, parts.case_base, parts.store, found
        )
    if found.has_errors:
        reporting.write_diagnostics(found.sorted(), form)
        raise typer.Exit(reporting.FINDINGS)
    return results


def _report(results: list[CaseResult], form: Format) -> None:
    failed = [result for result in results if not result.passed]
    if form is Format.JSON:
        typer.echo(json.dumps([_to_json(result) for result in results], indent=2))
        return
    for result in failed:
        typer.echo(_shown(result))
    count = len({result.policy for result in results})
    passed = len(results) - len(failed)
    typer.echo(
        f"{len(results)} cases of {count} policies: {passed} passed, "
        f"{len(failed)} failed"
    )


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
