"""`opensoc explain-code CODE`: the long text of a diagnostic code."""

from __future__ import annotations

from typing import Annotated

import typer

from opensoc_engine.codes import CODES


def run(code: Annotated[str, typer.Argument(help="A code such as E301.")]) -> None:
    """Print what a diagnostic code means and why the rule behind it exists."""
    row = CODES.get(code.upper())
    if row is None:
        known = ", ".join(sorted(CODES))
        typer.echo(f"opensoc: unknown code `{code}`; known codes: {known}", err=True)
        raise typer.Exit(2)
    typer.echo(f"{row.code} ({row.slug}): {row.template}\n\n{row.explanation}")
