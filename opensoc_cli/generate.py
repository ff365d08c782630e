"""`opensoc generate`: incidents by seed, the frozen data sets and their audit."""

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
    """Write all data sets and their audit, or check that they are up to date."""
    from opensoc_env.audit import AUDIT_FILE, audit, render_audit
    from opensoc_env.datasets import DATA_FOLDER, PLANS, render, select_all

    folder = out or DATA_FOLDER
    sets = select_all(PLANS)
    texts = {f"{name}.jsonl": render(rows) for name, rows in sets.items()}
    texts[AUDIT_FILE] = render_audit(audit(sets))
    stale = [
        folder / name
        for name, text in texts.items()
        if not _settle(folder / name, text, check=check)
    ]
    for name, rows in sets.items():
        typer.echo(f"{name}: {len(rows)} rows", err=True)
    for path in stale:
        typer.echo(f"{path} differs from what the generator gives")
    if stale:
        raise typer.Exit(reporting.FINDINGS)


@app.command(name="audit")
def audit_sets(
    folder: Annotated[
        Path | None, typer.Option("--data", help="A folder; the package's own.")
    ] = None,
) -> None:
    """Say how much the data sets share; exit 1 if anything of one is in another."""
    from opensoc_env.audit import audit, render_audit
    from opensoc_env.datasets import DATA_FOLDER, PLANS, read_rows

    try:
        sets = {p.name: read_rows(p, folder or DATA_FOLDER) for p in PLANS}
    except OSError as error:
        raise reporting.stop(
            f"can't read `{error.filename}`: {error.strerror}",
            "`opensoc generate datasets` writes the sets",
        ) from None
    lines = audit(sets)
    typer.echo(render_audit(lines), nl=False)
    if not all(line.is_clean for line in lines):
        raise typer.Exit(reporting.FINDINGS)


@app.command()
def recordings(
    files: Annotated[list[Path], typer.Argument(help="Recorded telemetry.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The data set file.")],
) -> None:
    """Write recorded telemetry as a data set, labelled by the rules as they are."""
    from opensoc_engine import OpenSocError
    from opensoc_env.datasets import render
    from opensoc_env.judge import default_judge
    from opensoc_env.recorded import read_recorded

    try:
        rows = [row for path in files for row in read_recorded(path, default_judge())]
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None
    except OSError as error:
        raise reporting.stop(
            f"can't read `{error.filename}`: {error.strerror}", "name recordings"
        ) from None
    _settle(output, render(rows), check=False)
    typer.echo(f"{len(rows)} incidents written to {output}", err=True)


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
