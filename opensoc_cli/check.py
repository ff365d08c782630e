"""`opensoc check [PATH]`: does every policy compile, and has every rule its cases?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting
from opensoc_cli.lock import compare
from opensoc_cli.reporting import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector
    from opensoc_engine.loader import LoadedSet


def run(
    path: Annotated[
        Path | None,
        typer.Argument(help="A rules folder, a policy set or one file of it."),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="How to write what is found.")
    ] = Format.TEXT,
) -> None:
    """Check policies: shape, names, types, trust, cases, and the lock of versions."""
    from opensoc_engine.diagnostics import DiagnosticCollector, Severity
    from opensoc_engine.loader import policy_folders, rules_root

    root = path or reporting.default_rules()
    if not root.exists():
        raise reporting.stop(f"there is no `{root}`", "name a folder of policies")
    single = root if root.is_file() else None
    folders = policy_folders(root.parent if single else root)
    if not folders:
        raise reporting.stop(
            f"no policy set in `{root}`", "a policy set is a folder with a `set.yaml`"
        )
    collector = DiagnosticCollector()
    loaded = [(folder, _check(folder, collector)) for folder in folders]
    lines = [_line(folder, item) for folder, item in loaded]
    parts = [i.folder for _, i in loaded if i.folder is not None and i.policy_set]
    rules = rules_root(root)
    locked = compare(rules, parts, whole=rules == root and len(parts) == len(folders))
    collector.extend(locked.diagnostics)
    found = collector.sorted()
    if single:
        found = tuple(d for d in found if d.label.span.source.name == str(single))
    reporting.write_diagnostics(found, form)
    if form is Format.TEXT:
        _summarise(found, [*lines, locked.note] if locked.note else lines)
    if any(item.severity is Severity.ERROR for item in found):
        raise typer.Exit(reporting.FINDINGS)


def _check(folder: Path, collector: DiagnosticCollector) -> LoadedSet:
    """A set; what is wrong with it and with its cases is reported."""
    from opensoc_engine.cases import run_cases
    from opensoc_engine.loader import load_folder

    loaded = load_folder(folder)
    collector.extend(loaded.diagnostics)
    if loaded.policy_set is not None and loaded.folder is not None:
        parts = loaded.folder
        base, store = parts.case_base, parts.store
        run_cases(loaded.policy_set, parts.cases, base, store, collector)
    return loaded


def _line(folder: Path, loaded: LoadedSet) -> str:
    """One line about a set."""
    if loaded.policy_set is None or loaded.folder is None:
        return f"{folder}: does not compile"
    policies = loaded.folder.policies
    rules = sum(len(policy.rules) for policy in policies)
    digest = loaded.policy_set.digest[:12]
    return f"{folder}: {len(policies)} policies, {rules} rules, digest {digest}"


def _summarise(found: Sequence[Diagnostic], lines: list[str]) -> None:
    from opensoc_engine.render import summary

    for line in lines:
        typer.echo(line)
    typer.echo(summary(found))
