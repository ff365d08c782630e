"""What the verbs share: output streams, exit codes and diagnostics on the screen."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_engine.diagnostics import Diagnostic

CLEAN, FINDINGS, UNUSABLE = 0, 1, 2


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def stop(message: str, advice: str = "") -> typer.Exit:
    """Say on stderr why nothing could be done; raise what comes back."""
    typer.echo(f"opensoc: {message}", err=True)
    if advice:
        typer.echo(f"  = help: {advice}", err=True)
    return typer.Exit(UNUSABLE)


def default_rules() -> Path:
    """`rules` in the working folder, or else the rules that ship with OpenSOC."""
    from opensoc_engine.resources import data_root

    here = Path("rules")
    return here if here.is_dir() else data_root() / "rules"


def own_rules() -> Path:
    """`rules` in the working folder: what a verb that writes files works on."""
    here = Path("rules")
    if not here.is_dir():
        raise stop("there is no `rules` here", "name the rules folder")
    return here


def write_diagnostics(found: Sequence[Diagnostic], form: Format) -> None:
    """Write diagnostics to stdout."""
    from opensoc_engine import render

    match form:
        case Format.JSON:
            text = render.render_json(found)
        case Format.GITHUB:
            text = render.render_github(found)
        case Format.SARIF:
            text = render.render_sarif(found)
        case Format.TEXT:
            color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
            text = render.render_text(found, color=color)
    if text:
        typer.echo(text.rstrip("\n"))
