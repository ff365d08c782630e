"""`opensoc lint [PATH]`: is anything needless, risky or left unsaid?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting
from opensoc_cli.reporting import Format

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(
    path: Annotated[
        Path | None,
        typer.Argument(help="A rules folder, a policy set or one file of it."),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Only these codes, such as W106; commas or repeated."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="All but these codes.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="How to write what is found.")
    ] = Format.TEXT,
) -> None:
    """Give advice on policies that compile; what does not compile is reported."""
    from opensoc_engine.linter import lint_path
    from opensoc_engine.render import summary

    root = path or reporting.default_rules()
    if not root.exists():
        raise reporting.stop(f"there is no `{root}`", "name a folder of policies")
    codes = _wanted(select or [], ignore or [])
    found = lint_path(root)
    if found is None:
        raise reporting.stop(
            f"no policy set in `{root}`", "a policy set is a folder with a `set.yaml`"
        )
    shown = [item for item in found if item.code in codes or item.code[0] == "E"]
    reporting.write_diagnostics(shown, form)
    if form is Format.TEXT:
        typer.echo(summary(shown))
    if shown:
        raise typer.Exit(reporting.FINDINGS)


def _wanted(select: Sequence[str], ignore: Sequence[str]) -> frozenset[str]:
    """The codes of lints that are asked for."""
    from opensoc_engine.codes import CODES

    known = frozenset(code for code in CODES if code.startswith("W"))
    chosen, refused = _codes(select, known), _codes(ignore, known)
    return (chosen or known) - refused


def _codes(texts: Sequence[str], known: frozenset[str]) -> frozenset[str]:
    named = [code.strip().upper() for text in texts for code in text.split(",")]
    codes = frozenset(code for code in named if code)
    unknown = sorted(codes - known)
    if unknown:
        advice = f"lints are {', '.join(sorted(known))}"
        raise reporting.stop(f"unknown lint `{unknown[0]}`", advice)
    return codes
