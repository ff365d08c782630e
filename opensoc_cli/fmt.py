"""`opensoc fmt [PATH]`: rule files in canonical form, comments kept."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting
from opensoc_cli.reporting import Format

if TYPE_CHECKING:
    from opensoc_engine.diagnostics import DiagnosticCollector


class Form(StrEnum):
    """How what is found is written."""

    TEXT = "text"
    GITHUB = "github"


def run(
    path: Annotated[
        Path | None, typer.Argument(help="A folder of rules, or one YAML file.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a file differs.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; show what would change.")
    ] = False,
    form: Annotated[
        Form, typer.Option("--format", help="How to write what is found.")
    ] = Form.TEXT,
) -> None:
    """Order keys, quote and indent YAML, and print bodies in one form."""
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.render import summary

    root = path or reporting.own_rules()
    files = sorted(root.rglob("*.yaml")) if root.is_dir() else [root]
    if not root.exists() or not files:
        raise reporting.stop(f"there is no rule file at `{root}`", "name a folder")
    collector = DiagnosticCollector()
    read = [_read(file, collector) for file in files]
    changed = [item for item in read if item is not None and item.before != item.after]
    for item in changed:
        _write(item, check=check, diff=diff, form=form)
    _summarise(len(changed), len(files), would=check or diff)
    if collector.has_errors:
        found = collector.sorted()
        reporting.write_diagnostics(found, Format(form.value))
        typer.echo(summary(found), err=form is Form.GITHUB)
    if collector.has_errors or (changed and check):
        raise typer.Exit(reporting.FINDINGS)


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it is, and as it should be."""

    path: Path
    before: str
    after: str


def _read(path: Path, collector: DiagnosticCollector) -> _File | None:
    """The two texts of a file, or None if it can't be read."""
    from opensoc_engine.formatter import format_source
    from opensoc_engine.loader import read_source
    from opensoc_engine.schema_store import default_store

    source = read_source(path, collector)
    made = source and format_source(source, default_store(), collector)
    if source is None or not made:
        return None
    if made.kept:
        typer.echo(f"{path}: left as it is: {made.kept}", err=True)
    return _File(path, source.text, made.text)


def _write(item: _File, *, check: bool, diff: bool, form: Form) -> None:
    if form is Form.GITHUB and (check or diff):
        typer.echo(_annotation(item))
    elif diff:
        before, after = item.before.splitlines(), item.after.splitlines()
        name = str(item.path)
        for line in unified_diff(before, after, name, name, lineterm=""):
            typer.echo(line)
    elif check:
        typer.echo(f"would change {item.path}")
    else:
        try:
            item.path.write_text(item.after, "utf-8", newline="\n")
        except OSError as error:
            raise reporting.stop(
                f"can't write `{item.path}`: {error.strerror}"
            ) from None
        typer.echo(f"changed {item.path}")


def _annotation(item: _File) -> str:
    """A workflow command at the first line that would change."""
    from opensoc_engine.render_formats import annotation
    from opensoc_engine.source import Source, Span

    pairs = enumerate(zip(item.before, item.after, strict=False))
    start = next((at for at, (one, other) in pairs if one != other), 0)
    span = Span(Source(str(item.path), item.before), start, start)
    advice = f"run `opensoc fmt {item.path}`"
    return annotation("error", span, "not in canonical form", advice)


def _summarise(changed: int, files: int, *, would: bool) -> None:
    word = "would change" if would else "changed"
    typer.echo(f"{changed} of {files} files {word}", err=True)
