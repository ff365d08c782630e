"""`opensoc generate`: incidents by seed, the frozen data sets and their audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opensoc_env.models import TaskName
    from opensoc_env.telemetry.labeller import Label

app = typer.Typer(no_args_is_help=True, help="Incidents by seed, and data sets.")

MAX_COUNT = 100_000
_RECORDED = {".json", ".jsonl", ".ndjson"}


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


@app.command()
def content(
    attacks: Annotated[
        list[Path] | None, typer.Option(help="Recordings of attacks: a file or folder.")
    ] = None,
    samples: Annotated[
        list[Path] | None, typer.Option(help="Recordings that are no attacks.")
    ] = None,
    fresh: Annotated[
        int, typer.Option(min=0, max=100, help="Rounds of fresh seeds for shortcuts.")
    ] = 5,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path(
        "docs/content.md"
    ),
) -> None:
    """Write a page that shows what rules and data sets hold."""
    from opensoc_engine import OpenSocError
    from opensoc_train.content import HEAD

    try:
        parts = [HEAD, *_shown_sets(fresh)]
        if attacks or samples:
            parts.insert(-1, _shown_telemetry(attacks or [], samples or []))
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None
    except OSError as error:
        raise reporting.stop(
            f"can't read `{error.filename}`: {error.strerror}", "name recordings"
        ) from None
    _settle(output, "\n\n".join(parts) + "\n", check=False)
    typer.echo(f"{output} written", err=True)


def _shown_sets(fresh: int) -> list[str]:
    """The parts of the page that need the committed sets alone."""
    from opensoc_env.datasets import PLANS, read_rows
    from opensoc_env.judge import default_judge
    from opensoc_train.content import (
        render_incidents,
        render_shortcuts,
        render_splits,
    )
    from opensoc_train.data import find_data, load_data
    from opensoc_train.fresh import fresh_rounds
    from opensoc_train.scoreboard import scoreboards

    judge = default_judge()
    learnt, holdout, flips = (
        load_data(find_data(name), judge) for name in ("sft", "holdout", "flips")
    )
    boards = scoreboards(learnt, [holdout, flips], judge)
    return [
        render_splits({plan.name: read_rows(plan) for plan in PLANS}),
        render_shortcuts(boards, list(fresh_rounds(fresh, judge))),
        render_incidents(holdout),
    ]


def _shown_telemetry(attacks: Iterable[Path], samples: Iterable[Path]) -> str:
    from opensoc_env.telemetry.agreement import Agreement
    from opensoc_env.telemetry.alarms import Alarms
    from opensoc_train.content import render_telemetry

    agreement, alarms = Agreement(), Alarms()
    for report, paths in ((agreement, attacks), (alarms, samples)):
        for path, label in _labels(paths):
            report.add(path, label)
    return render_telemetry(agreement, alarms)


def _labels(paths: Iterable[Path]) -> Iterator[tuple[str, Label]]:
    """The verdicts on all recordings; what can't be read is left out."""
    from opensoc_env.judge import default_judge
    from opensoc_env.telemetry.labeller import label_recording
    from opensoc_env.telemetry.library import load_mapping, mapping_names
    from opensoc_env.telemetry.reader import Fault
    from opensoc_env.telemetry.recordings import read_recordings

    mappings = [load_mapping(name) for name in mapping_names()]
    for path in (file for each in paths for file in _recordings_in(each)):
        with path.open("rb") as stream:
            for item in read_recordings(stream, path.name):
                if not isinstance(item, Fault):
                    for label in label_recording(item, mappings, default_judge()):
                        if not isinstance(label, Fault):
                            yield str(path), label


def _recordings_in(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    inside = sorted(path.rglob("*"))
    return [p for p in inside if p.is_file() and p.suffix in _RECORDED]


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
