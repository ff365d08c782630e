"""`opensoc generate`: incidents by seed, and the two frozen data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_env.models import TaskName

app = typer.Typer(no_args_is_help=True, help="Incidents by seed, and data sets.")

MAX_COUNT = 100_000


@app.command()
def incidents(
    task: Annotated[str, typer.Option("--task", "-t", help="A task.")],
    seed: Annotated[int, typer.Option("--seed", "-s", help="The seed.")] = 0,
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=MAX_COUNT, help="How many.")
    ] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; standard output.")
    ] = None,
) -> None:
    """Write incidents as JSON lines, the same ones for the same seed."""
    from opensoc_env.models import TASKS

    if task not in TASKS:
        raise reporting.stop(f"no task `{task}`", f"use one of {', '.join(TASKS)}")
    lines = _lines(task, seed, count)
    if output is None:
        for line in lines:
            typer.echo(line)
        return
    try:
        with output.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise _unwritable(output, error) from None
    typer.echo(f"{count} incidents written to {output}", err=True)


@app.command()
def datasets(
    out: Annotated[
        Path | None, typer.Option("--out", help="A folder; the package's own.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compare; write nothing.")
    ] = False,
) -> None:
    """Write the hold-out and the SFT examples, or check that they are up to date."""
    from opensoc_env.datasets import (
        DATA_FOLDER,
        PLANS,
        leaks_between,
        render,
        select,
    )

    folder = out or DATA_FOLDER
    sets = {plan.name: select(plan) for plan in PLANS}
    stale = [
        path
        for name, rows in sets.items()
        if not _settle(path := folder / f"{name}.jsonl", render(rows), check=check)
    ]
    for name, rows in sets.items():
        typer.echo(f"{name}: {len(rows)} rows", err=True)
    leaks = leaks_between(sets["holdout"], sets["sft"])
    typer.echo(
        f"of {leaks.rows} hold-out rows, {leaks.same} are in sft but for names and "
        f"times, and {leaks.alike} have a pattern of events that sft has too",
        err=True,
    )
    for path in stale:
        typer.echo(f"{path} differs from what the generator gives")
    if stale:
        raise typer.Exit(reporting.FINDINGS)


def _settle(path: Path, text: str, *, check: bool) -> bool:
    """Write a text, or say whether the file holds it already."""
    try:
        if check:
            return path.is_file() and path.read_bytes() == text.encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    except OSError as error:
        raise _unwritable(path, error) from None
    return True


def _lines(task: str, seed: int, count: int) -> Iterator[str]:
    from opensoc_env.generator import generate
    from opensoc_env.judge import default_judge

    judge = default_judge()
    for index in range(count):
        incident = generate(cast("TaskName", task), seed, index, judge=judge)
        yield json.dumps(incident, sort_keys=True, separators=(",", ":"))


def _unwritable(path: Path, error: OSError) -> typer.Exit:
    return reporting.stop(
        f"can't write `{path}`: {error.strerror or error}", "choose another place"
    )
