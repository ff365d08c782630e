"""`opensoc check [PATH]`: does every policy compile, and has every rule its cases?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting
from opensoc_cli.reporting import Format

if TYPE_CHECKING:
    from opensoc_engine.diagnostics import Diagnostic


def run(
    path: Annotated[
        Path | None,
        typer.Argument(help="A rules folder, a policy set or one file of it."),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="How to write what is found.")
    ] = Format.TEXT,
) -> None:
    """Check policies: shape, names, types, trust, and that their cases are complete."""
    from opensoc_engine.diagnostics import Severity
    from opensoc_engine.loader import policy_folders

    root = path or reporting.default_rules()
    if not root.exists():
        raise reporting.stop(f"there is no `{root}`", "name a folder of policies")
    single = root if root.is_file() else None
    folders = policy_folders(root.parent if single else root)
    if not folders:
        raise reporting.stop(
            f"no policy set in `{root}`", "a policy set is a folder with a `set.yaml`"
        )
    checked = [_check(folder) for folder in folders]
    found = [item for diagnostics, _ in checked for item in diagnostics]
    if single:
        found = [item for item in found if item.label.span.source.name == str(single)]
    reporting.write_diagnostics(found, form)
    if form is Format.TEXT:
        _summarise(found, [line for _, line in checked])
    if any(item.severity is Severity.ERROR for item in found):
        raise typer.Exit(reporting.FINDINGS)


def _check(folder: Path) -> tuple[tuple[Diagnostic, ...], str]:
    """What is wrong with a set, and one line about it."""
    from opensoc_engine.cases import run_cases
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.loader import load_folder

    loaded = load_folder(folder)
    found = DiagnosticCollector()
    found.extend(loaded.diagnostics)
    if loaded.policy_set is None or loaded.folder is None:
        return found.sorted(), f"{folder}: does not compile"
    parts = loaded.folder
    run_cases(loaded.policy_set, parts.cases, parts.case_base, parts.store, found)
    rules = sum(len(policy.rules) for policy in parts.policies)
    digest = loaded.policy_set.digest[:12]
    line = f"{folder}: {len(parts.policies)} policies, {rules} rules, digest {digest}"
    return found.sorted(), line


def _summarise(found: list[Diagnostic], lines: list[str]) -> None:
    from opensoc_engine.render import summary

    for line in lines:
        typer.echo(line)
    typer.echo(summary(found))
