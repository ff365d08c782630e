"""`opensoc check [PATH]`: does every policy compile, and has every rule its cases?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting
from opensoc_cli.lock import compare
from opensoc_cli.reporting import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector
    from opensoc_engine.lock import Content


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
    from opensoc_engine.set_files import policy_folders, rules_root

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
    checked = [_check(folder, collector) for folder in folders]
    compiled = [item for item in checked if item.read is not None]
    rules = rules_root(root)
    locked = compare(
        rules,
        lambda: [content for item in compiled if item.read for content in item.read()],
        whole=rules == root and len(compiled) == len(folders),
    )
    collector.extend(locked.diagnostics)
    found = collector.sorted()
    if single:
        found = tuple(d for d in found if d.label.span.source.name == str(single))
    reporting.write_diagnostics(found, form)
    if form is Format.TEXT:
        lines = [item.line for item in checked]
        _summarise(found, [*lines, locked.note] if locked.note else lines)
    if any(item.severity is Severity.ERROR for item in found):
        raise typer.Exit(reporting.FINDINGS)


@dataclass(frozen=True, slots=True)
class _Checked:
    """What is said about a set; `read` gives its files, if it compiles."""

    line: str
    read: Callable[[], Sequence[Content]] | None


def _check(folder: Path, collector: DiagnosticCollector) -> _Checked:
    """A set; what is wrong with it and with its cases is reported."""
    from opensoc_engine.clean import Refused, clean_set

    found = clean_set(folder)
    if found is None:
        return _report(folder, collector)
    if isinstance(found, Refused):
        collector.extend(found.diagnostics)
    if not found.digest:
        return _Checked(f"{folder}: does not compile", None)
    line = _line(folder, found.policies, found.rules, found.digest)
    return _Checked(line, found.locked_contents)


def _report(folder: Path, collector: DiagnosticCollector) -> _Checked:
    """A set of which only a look at every file says what is wrong."""
    from opensoc_engine.cases import run_cases
    from opensoc_engine.loader import load_folder, rule_files

    loaded = load_folder(folder)
    collector.extend(loaded.diagnostics)
    parts, compiled = loaded.folder, loaded.policy_set
    if compiled is None or parts is None:
        return _Checked(f"{folder}: does not compile", None)
    run_cases(compiled, parts.cases, parts.case_base, parts.store, collector)
    rules = sum(len(policy.rules) for policy in parts.policies)
    line = _line(folder, len(parts.policies), rules, compiled.digest)
    return _Checked(line, lambda: rule_files([parts]))


def _line(folder: Path, policies: int, rules: int, digest: str) -> str:
    return f"{folder}: {policies} policies, {rules} rules, digest {digest[:12]}"


def _summarise(found: Sequence[Diagnostic], lines: list[str]) -> None:
    from opensoc_engine.render import summary

    for line in lines:
        typer.echo(line)
    typer.echo(summary(found))
